#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/runtime/loaded_model.hpp"

namespace hexcore {

/// A token of a model's vocabulary, as libllama numbers it.
using Token = std::int32_t;

/// Tokens that one sequence takes into its cells, behind the first `position` that it has.
struct SequenceTokens {
    std::uint32_t sequence = 0;
    std::uint32_t position = 0;
    std::span<const Token> tokens;  ///< at least one
};

/// How decode() ended, where it did not fail.
enum class Decoded { whole, stopped };

/// Whether the last hidden state of each token is wanted beside its logits.
enum class States { none, wanted };

/// Computes tokens of a model's sequences into its KV cache. One decoder for a model, used by one
/// thread at a time.
class Decoder {
public:
    /// The model must outlive the decoder, and stay where it is.
    explicit Decoder(LoadedModel& model) : model_(model) {}
    Decoder(const Decoder&) = delete;
    Decoder& operator=(const Decoder&) = delete;

    [[nodiscard]] LoadedModel& model() const { return model_; }
    /// The most tokens of one sequence that are computed at once, the context's ubatch.
    [[nodiscard]] std::uint32_t piece_tokens() const;

    /// Computes all `parts`, each of another sequence, in one batch; afterwards logits(i) are those
    /// of the last token of part i. Where it fails, or `stop` (null: never) is set meanwhile, any
    /// of the tokens may be in the cache. Fails with ErrorCode::does_not_fit where the context has
    /// no room or a device refused. States are for a model that gives them, and for parts of one
    /// token each; they leave the logits the same bits, but recurrent layers then take the parts
    /// one after another.
    [[nodiscard]] Result<Decoded> decode(std::span<const SequenceTokens> parts,
                                         const std::atomic<bool>* stop = nullptr,
                                         States states = States::none);
    /// Of part i of the last batch, a number for each token of the vocabulary; until the next.
    /// Fails with ErrorCode::negative where one of them is a NaN.
    [[nodiscard]] Result<std::span<const float>> logits(std::size_t part) const;
    /// Of part i of the last batch, if it was computed with states: what the model makes its logits
    /// of, behind its last norm. [n_embd], until the next batch.
    [[nodiscard]] std::span<const float> state(std::size_t part) const;

private:
    [[nodiscard]] tl::unexpected<Error> failed(std::span<const SequenceTokens> parts) const;

    LoadedModel& model_;
    std::vector<std::int32_t> rows_;              ///< [part]: of its last token in the batch
    std::vector<std::uint32_t> tokens_computed_;  ///< [part]: by its sequence in all
};

}  // namespace hexcore
