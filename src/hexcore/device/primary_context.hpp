#pragma once

#include <cstdint>
#include <string>

#include "hexcore/device/dynamic_library.hpp"

namespace hexcore {

/// This process's CUDA context on one GPU, which ggml uses, too. Held as long as this lives; a GPU
/// that has none gets one.
class PrimaryContext {
public:
    PrimaryContext(const DynamicLibrary& cuda, std::uint32_t index);
    ~PrimaryContext();
    PrimaryContext(const PrimaryContext&) = delete;
    PrimaryContext& operator=(const PrimaryContext&) = delete;

    /// Whether the driver gave it. What follows is for one that is held.
    [[nodiscard]] bool is_held() const { return context_ != nullptr; }
    /// CUcontext and CUdevice.
    [[nodiscard]] void* context() const { return context_; }
    [[nodiscard]] int device() const { return device_; }

    /// What `call` gives while this is the thread's context; -1 where it can't be.
    template <typename Call>
    [[nodiscard]] int within(const Call& call) const {
        if (!enter()) {
            return -1;
        }
        const int status = call();
        leave();
        return status;
    }

private:
    [[nodiscard]] bool enter() const;
    void leave() const;

    const DynamicLibrary cuda_;
    int device_ = 0;
    void* context_ = nullptr;
};

}  // namespace hexcore
