#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/report/run_report.hpp"
#include "hexcore/runtime/model_session.hpp"

namespace hexcore {

/// How the next token is chosen, by llama.cpp's samplers.
struct SamplingOptions {
    float temperature = 0.8F;                 ///< 0: always the most likely token
    std::int32_t top_k = 40;                  ///< 0: all
    float top_p = 0.95F;                      ///< 1: all
    float min_p = 0.05F;                      ///< 0: all
    std::uint32_t seed = LLAMA_DEFAULT_SEED;  ///< the default: another one each time
};

/// What one answer took and why it ended.
struct Answer {
    std::string text;
    StopReason stop = StopReason::eos;
    std::uint32_t prompt_tokens = 0;
    std::uint32_t generated_tokens = 0;
    std::uint32_t computed_tokens = 0;  ///< into the KV cache; the last of an answer need not be
    double prompt_seconds = 0;
    double decode_seconds = 0;
};

/// Continues one sequence in a session's context: prompt in, text out, any number of times.
class Generator {
public:
    /// Both must outlive the generator. `stop`, if not null, ends an answer as soon as it is set.
    Generator(ModelSession& session, const SamplingOptions& sampling,
              const std::atomic<bool>* stop);

    /// Appends `prompt` to the sequence and generates up to `max_tokens` (0: until the context is
    /// full), passing each piece of text on as it comes. Fails with bad_input for a model without
    /// tokenizer or of a kind that does not continue texts, ErrorCode::usage for an empty
    /// first prompt or one that the context cannot hold, does_not_fit where a device refused,
    /// negative where the model yields NaN. One that is interrupted before the whole prompt is
    /// computed leaves the sequence as it was, with 0 prompt tokens.
    [[nodiscard]] Result<Answer> answer(std::string_view prompt, std::uint32_t max_tokens,
                                        const std::function<void(std::string_view)>& on_text);

    /// Tokens in the sequence.
    [[nodiscard]] std::uint32_t position() const { return position_; }

private:
    /// The first text of a sequence begins with the model's BOS token where the model wants it:
    /// once, also where the text says it itself.
    [[nodiscard]] Result<std::vector<llama_token>> tokenize(std::string_view text) const;
    [[nodiscard]] Result<bool> decode(const llama_token* tokens, std::size_t count);
    /// Fails with ErrorCode::negative where those of the last token hold a NaN.
    [[nodiscard]] Result<void> check_logits() const;
    /// Takes everything from `position` on out of the sequence again.
    [[nodiscard]] Result<void> go_back_to(std::uint32_t position);
    [[nodiscard]] Result<void> generate(Answer& answer, std::uint32_t max_tokens,
                                        const std::function<void(std::string_view)>& on_text);
    [[nodiscard]] std::string piece(llama_token token) const;
    [[nodiscard]] bool stopped() const { return stop_ != nullptr && stop_->load(); }

    ModelSession& session_;
    llama_sampler_ptr sampler_;
    const std::atomic<bool>* stop_;
    std::uint32_t position_ = 0;
    std::optional<llama_token> pending_;  ///< sampled and shown, not yet in the cache
};

}  // namespace hexcore
