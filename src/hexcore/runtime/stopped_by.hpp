#pragma once

#include <atomic>

#include "llama.h"

namespace hexcore {

/// While it lives, what the context computes ends once `stop` (null: never) is set. One at a time
/// for a context, which has one abort callback.
class StoppedBy {
public:
    StoppedBy(llama_context& context, const std::atomic<bool>* stop) : context_(context) {
        if (stop != nullptr) {
            llama_set_abort_callback(&context, is_set, const_cast<std::atomic<bool>*>(stop));
        }
    }
    ~StoppedBy() { llama_set_abort_callback(&context_, nullptr, nullptr); }
    StoppedBy(const StoppedBy&) = delete;
    StoppedBy& operator=(const StoppedBy&) = delete;

private:
    static bool is_set(void* stop) { return static_cast<const std::atomic<bool>*>(stop)->load(); }

    llama_context& context_;
};

}  // namespace hexcore
