#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/runtime/parsed_grammar.hpp"
#include "hexcore/runtime/sampling.hpp"

struct llama_sampler;

namespace hexcore {

/// A token that was, or could have been, chosen.
struct TokenChance {
    Token token = 0;
    float log_probability = 0;  ///< natural, of the model's own distribution at temperature 1
};

/// Chooses the tokens of one answer, one after another.
class Sampler {
public:
    /// Fails with ErrorCode::usage where an option is impossible.
    [[nodiscard]] static Result<Sampler> make(const LoadedModel& model,
                                              const SamplingOptions& options,
                                              const ParsedGrammar& grammar = {},
                                              std::span<const LogitBias> biases = {});

    /// The next token, by a number for each token of the vocabulary, which counts as generated now.
    /// Fails with ErrorCode::negative where the grammar allows none.
    [[nodiscard]] Result<Token> choose(std::span<const float> logits);
    /// `token` was there before: penalties count it.
    void remember(Token token);
    /// Somebody else chose `token`: it counts as generated. Fails with ErrorCode::negative where
    /// the grammar does not allow it.
    [[nodiscard]] Result<void> accept(Token token);

private:
    struct Free {
        void operator()(llama_sampler* sampler) const;
    };
    using Handle = std::unique_ptr<llama_sampler, Free>;
    struct Candidates;
    Sampler(Handle chain, Handle grammar);
    [[nodiscard]] bool allows(Token token) const;
    [[nodiscard]] Result<void> count(Token token);

    Handle chain_;
    Handle grammar_;  ///< null: none
    std::unique_ptr<Candidates> candidates_;

public:
    Sampler(Sampler&& other) noexcept;
    Sampler& operator=(Sampler&& other) noexcept;
    ~Sampler();
};

/// Natural, of the distribution that logits stand for.
[[nodiscard]] double log_probability(std::span<const float> logits, Token token);

/// The chance of `chosen`, and those of the `count` most likely tokens, the best first.
struct TokenChances {
    TokenChance chosen;
    std::vector<TokenChance> best;
};
[[nodiscard]] TokenChances chances(std::span<const float> logits, Token chosen, std::size_t count);

}  // namespace hexcore
