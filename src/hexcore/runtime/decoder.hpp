#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "hexcore/base/result.hpp"
#include "hexcore/runtime/loaded_model.hpp"

namespace hexcore {

/// A token of a model's vocabulary, as libllama numbers it.
using Token = std::int32_t;

/// Computes tokens of a model's sequences into its KV cache, as large batches as the context takes.
/// One decoder for a model, used by one thread at a time.
class Decoder {
public:
    /// The model must outlive the decoder, and stay where it is.
    explicit Decoder(LoadedModel& model) : model_(model) {}
    Decoder(const Decoder&) = delete;
    Decoder& operator=(const Decoder&) = delete;

    [[nodiscard]] LoadedModel& model() const { return model_; }

    /// How far decode() came.
    struct Progress {
        std::uint32_t computed = 0;  ///< tokens of whole batches
        bool stopped = false;
    };
    /// Computes `tokens` behind the first `position` tokens of `sequence`; afterwards the context
    /// has the logits of the last one. Once `stop` (null: never) is set, it ends early, and tokens
    /// behind those counted may be in the cache. Fails with ErrorCode::does_not_fit where the
    /// context has no room or a device refused.
    [[nodiscard]] Result<Progress> decode(std::uint32_t sequence, std::uint32_t position,
                                          std::span<const Token> tokens,
                                          const std::atomic<bool>* stop);

private:
    LoadedModel& model_;
};

}  // namespace hexcore
