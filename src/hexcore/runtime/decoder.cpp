#include "hexcore/runtime/decoder.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <type_traits>

#include "hexcore/backend/machine.hpp"
#include "hexcore/report/text_style.hpp"
#include "hexcore/runtime/batch.hpp"
#include "hexcore/runtime/stopped_by.hpp"
#include "llama.h"

namespace hexcore {
namespace {

static_assert(std::is_same_v<Token, llama_token>);

/// llama_decode(), which throws where the scheduler cannot reserve its buffers.
std::int32_t decode_status(llama_context& context, const llama_batch& batch) {
    constexpr std::int32_t fatal = -3;
    try {
        const std::int32_t status = llama_decode(&context, batch);
        llama_synchronize(&context);
        return status;
    } catch (const std::exception&) {
        return fatal;
    }
}

}  // namespace

std::uint32_t Decoder::piece_tokens() const { return llama_n_ubatch(&model_.context()); }

Result<Decoded> Decoder::decode(std::span<const SequenceTokens> parts,
                                const std::atomic<bool>* stop, States states) {
    llama_context& context = model_.context();
    HEXCORE_CHECK(states == States::none || model_.gives_states(), model_.inventory().name,
                  "was not loaded to give states");
    std::size_t n_tokens = 0;
    for (const SequenceTokens& part : parts) {
        n_tokens += part.tokens.size();
    }
    HEXCORE_CHECK(n_tokens <= llama_n_batch(&context), n_tokens, llama_n_batch(&context));
    Batch batch(n_tokens);
    rows_.clear();
    tokens_computed_.clear();
    for (const SequenceTokens& part : parts) {
        // libllama makes every token an output then, and aborts if that is more than it has room
        // for.
        HEXCORE_CHECK(states == States::none || part.tokens.size() == 1, part.tokens.size(),
                      "tokens of one part");
        for (std::size_t i = 0; i < part.tokens.size(); ++i) {
            batch.add(part.tokens[i], part.position + i, part.sequence,
                      i + 1 == part.tokens.size() ? Output::wanted : Output::none);
        }
        rows_.push_back(batch.get().n_tokens - 1);
        tokens_computed_.push_back(part.position + static_cast<std::uint32_t>(part.tokens.size()));
    }
    const StoppedBy stopped_by(context, stop);
    (void)model_.machine().last_refusal();  // an old one does not explain this batch
    if (states == States::wanted) {
        llama_set_embeddings(&context, true);
    }
    const std::int32_t status = decode_status(context, batch.get());
    if (states == States::wanted) {
        llama_set_embeddings(&context, false);
    }
    if (status == 2 || (status != 0 && stop != nullptr && stop->load())) {
        return Decoded::stopped;
    }
    // A cache whose keys could not be moved is computed with all the same, so the refusal counts.
    if (auto refusal = model_.machine().last_refusal()) {
        return tl::unexpected(std::move(*refusal));
    }
    if (status != 0) {
        return failed(parts);
    }
    return Decoded::whole;
}

tl::unexpected<Error> Decoder::failed(std::span<const SequenceTokens> parts) const {
    const auto most = std::max_element(
        parts.begin(), parts.end(), [](const SequenceTokens& a, const SequenceTokens& b) {
            return a.position + a.tokens.size() < b.position + b.tokens.size();
        });
    return fail(ErrorCode::does_not_fit, {{Change::raise_context}},
                "the context cannot take {} more tokens after {} of {}", most->tokens.size(),
                most->position, llama_n_ctx_seq(&model_.context()));
}

Result<std::span<const float>> Decoder::logits(std::size_t part) const {
    const float* row = llama_get_logits_ith(&model_.context(), rows_.at(part));
    HEXCORE_CHECK(row != nullptr, part, "has no logits");
    const std::span logits(row, static_cast<std::size_t>(llama_vocab_n_tokens(&model_.vocab())));
    const auto n_nan =
        std::count_if(logits.begin(), logits.end(), [](float value) { return std::isnan(value); });
    if (n_nan == 0) {
        return logits;
    }
    return fail(ErrorCode::negative, {{Change::check_values}},
                "after {} the model gives NaN for {} of its {} words, so there is no next one to "
                "choose: a weight or a parameter of the file is damaged, or the model needs other "
                "types than it was quantised to",
                plural(tokens_computed_.at(part), "token"), n_nan, logits.size());
}

std::span<const float> Decoder::state(std::size_t part) const {
    const float* row = llama_get_embeddings_ith(&model_.context(), rows_.at(part));
    HEXCORE_CHECK(row != nullptr, part, "has no state");
    return {row, static_cast<std::size_t>(llama_model_n_embd_out(&model_.model()))};
}

}  // namespace hexcore
