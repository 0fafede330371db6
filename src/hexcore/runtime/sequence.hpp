#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/report/run_report.hpp"
#include "hexcore/runtime/decoder.hpp"
#include "hexcore/runtime/sampling.hpp"

struct llama_sampler;

namespace hexcore {

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

/// One sequence of a model's context: prompt in, text out, any number of times.
class Sequence {
public:
    /// The sequence of that number, 0 to those of the context less one, which must be empty. The
    /// decoder must outlive it. `stop`, if not null, ends an answer as soon as it is set.
    Sequence(Decoder& decoder, std::uint32_t id, const SamplingOptions& sampling,
             const std::atomic<bool>* stop);

    ~Sequence();  ///< leaves the sequence empty
    Sequence(const Sequence&) = delete;
    Sequence& operator=(const Sequence&) = delete;

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
    struct FreeSampler {
        void operator()(llama_sampler* sampler) const;
    };

    /// The first text of a sequence begins with the model's BOS token where the model wants it:
    /// once, also where the text says it itself.
    [[nodiscard]] Result<std::vector<Token>> tokenize(std::string_view text) const;
    /// False where it was stopped.
    [[nodiscard]] Result<bool> decode(std::span<const Token> tokens, const std::atomic<bool>* stop);
    [[nodiscard]] bool is_recurrent() const;
    /// Fails with ErrorCode::negative where those of the last token hold a NaN.
    [[nodiscard]] Result<void> check_logits() const;
    /// Takes everything from `position` on out of the sequence again.
    [[nodiscard]] Result<void> go_back_to(std::uint32_t position);
    [[nodiscard]] Result<void> generate(Answer& answer, std::uint32_t max_tokens,
                                        const std::function<void(std::string_view)>& on_text);
    [[nodiscard]] std::string piece(Token token) const;
    [[nodiscard]] bool stopped() const { return stop_ != nullptr && stop_->load(); }
    [[nodiscard]] LoadedModel& model() const { return decoder_.model(); }

    Decoder& decoder_;
    const std::uint32_t id_;
    std::unique_ptr<llama_sampler, FreeSampler> sampler_;
    const std::atomic<bool>* stop_;
    std::uint32_t position_ = 0;
    std::optional<Token> pending_;  ///< sampled and shown, not yet in the cache
};

}  // namespace hexcore
