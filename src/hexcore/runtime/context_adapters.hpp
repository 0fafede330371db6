#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "hexcore/model/adapter_file.hpp"
#include "llama-cpp.h"

namespace hexcore {

/// Adapters that a context applies. libllama sums them up in the order of a hash table of their
/// addresses, and another order has other bits; so it is given others of the same tensors, at
/// addresses for which its table has the order in which they are named. To be gone after the
/// context applies them no more, and before they are.
class AppliedAdapters {
public:
    AppliedAdapters(llama_context& context, std::span<llama_adapter_lora* const> adapters,
                    std::span<const float> scales);
    AppliedAdapters(AppliedAdapters&&) noexcept;
    AppliedAdapters& operator=(AppliedAdapters&&) noexcept;
    ~AppliedAdapters();

private:
    struct Table;
    std::unique_ptr<Table> table_;
};

/// The LoRA adapters of a model's contexts, in libllama's terms; one that several apply is there
/// once. libllama takes their memory beside the tensors that they modify, from the buffer types of
/// these. It is not given the files, which are foreign, and which a merged adapter has not, but
/// headers that say what was found in them; so nothing of a file is read before fill(). To be gone
/// before the model, and after the context.
class ContextAdapters {
public:
    ContextAdapters() = default;
    ContextAdapters(ContextAdapters&&) noexcept = default;
    ContextAdapters& operator=(ContextAdapters&&) noexcept = default;

    /// Takes the memory of all in those sets that are not there yet, zeroed. Fails with
    /// ErrorCode::does_not_fit where the system refuses what the headers are handed over in. False:
    /// libllama refused, which says why in its log, or a device, which knows why.
    [[nodiscard]] Result<bool> allocate(llama_model& model,
                                        std::span<const std::vector<ChosenAdapter>> sets);
    /// Has the context apply those, which are among them, and reserves its graphs anew, with their
    /// products. False: that was refused. To be called even if there are none.
    [[nodiscard]] bool apply_to(llama_context& context, std::span<const ChosenAdapter> adapters);
    /// Has the context apply none, until apply_to() is called for it.
    void detach(llama_context& context);
    /// Gives back those that are in none of the sets. No context may apply them.
    void keep_only(std::span<const std::vector<ChosenAdapter>> sets);
    /// Reads the tensors of those that have been taken since it was last called. Fails with
    /// ErrorCode::bad_input where a file is another one by now, ends early, or holds a NaN or an
    /// infinity, and with interrupted once `stop` (null: never) is set.
    [[nodiscard]] Result<void> fill(const std::atomic<bool>* stop);

    [[nodiscard]] bool empty() const { return loaded_.empty(); }
    /// How many of their bytes are not on a device, because what they modify isn't.
    [[nodiscard]] Bytes host_bytes() const;

private:
    struct LoadedAdapter {
        AdapterFile file;
        llama_adapter_lora_ptr adapter;
        bool is_filled = false;
    };
    [[nodiscard]] const LoadedAdapter* find(const AdapterFile& file) const;

    void apply(llama_context& context, std::span<const ChosenAdapter> adapters);

    std::vector<LoadedAdapter> loaded_;
    std::map<const llama_context*, AppliedAdapters> applied_;
};

}  // namespace hexcore
