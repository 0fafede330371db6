#include "hexcore/runtime/sampler.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <limits>
#include <numeric>
#include <utility>

#include "hexcore/runtime/sampler_chain.hpp"
#include "llama.h"

namespace hexcore {

struct Sampler::Candidates {
    std::vector<llama_token_data> data;

    llama_token_data_array all(std::span<const float> logits) {
        data.resize(logits.size());
        for (std::size_t i = 0; i < logits.size(); ++i) {
            data[i] = {static_cast<llama_token>(i), logits[i], 0};
        }
        return {data.data(), data.size(), -1, false};
    }
};

void Sampler::Free::operator()(llama_sampler* sampler) const { llama_sampler_free(sampler); }

Sampler::Sampler(Handle chain, Handle grammar)
    : chain_(std::move(chain)),
      grammar_(std::move(grammar)),
      candidates_(std::make_unique<Candidates>()) {}
Sampler::Sampler(Sampler&& other) noexcept = default;
Sampler& Sampler::operator=(Sampler&& other) noexcept = default;
Sampler::~Sampler() = default;

Result<Sampler> Sampler::make(const LoadedModel& model, const SamplingOptions& options,
                              const ParsedGrammar& grammar, std::span<const LogitBias> biases) {
    HEXCORE_TRY_VOID(check_sampling(model, options, biases));
    Handle chain(sampler_chain(model, options, biases));
    Handle rules(grammar.sampler_ ? llama_sampler_clone(grammar.sampler_.get()) : nullptr);
    return Sampler(std::move(chain), std::move(rules));
}

Result<Token> Sampler::choose(std::span<const float> logits) {
    const auto choose_from = [&](llama_token_data_array candidates) {
        llama_sampler_apply(chain_.get(), &candidates);
        return candidates.data[candidates.selected];
    };
    const auto nothing_left = [] {
        return fail(ErrorCode::negative, "biases and grammar leave no token that could follow");
    };
    llama_token_data_array all = candidates_->all(logits);
    const llama_token_data chosen = choose_from(all);
    if (std::isinf(chosen.logit)) {
        return nothing_left();
    }
    Token token = chosen.id;
    if (!allows(token)) {
        all = candidates_->all(logits);
        llama_sampler_apply(grammar_.get(), &all);
        if (std::all_of(all.data, all.data + all.size, [](const llama_token_data& candidate) {
                return std::isinf(candidate.logit);
            })) {
            return nothing_left();
        }
        const llama_token_data allowed = choose_from(all);
        if (std::isinf(allowed.logit)) {
            return nothing_left();
        }
        token = allowed.id;
    }
    HEXCORE_TRY_VOID(count(token));
    return token;
}

Result<void> Sampler::accept(Token token) {
    if (!allows(token)) {
        return fail(ErrorCode::negative, "the grammar does not allow the token {} there", token);
    }
    return count(token);
}

/// To ask a grammar for one token is much cheaper than for all of the vocabulary.
bool Sampler::allows(Token token) const {
    if (!grammar_) {
        return true;
    }
    llama_token_data one{token, 1, 0};
    llama_token_data_array alone{&one, 1, -1, false};
    llama_sampler_apply(grammar_.get(), &alone);
    return !std::isinf(one.logit);
}

Result<void> Sampler::count(Token token) {
    if (grammar_) {
        try {
            llama_sampler_accept(grammar_.get(), token);
        } catch (const std::exception& error) {
            return fail(ErrorCode::negative, "the answer left its grammar: {}", error.what());
        }
    }
    llama_sampler_accept(chain_.get(), token);
    return {};
}

void Sampler::remember(Token token) { llama_sampler_accept(chain_.get(), token); }

namespace {

/// The logarithm of the sum of their exponentials.
double log_sum(std::span<const float> logits) {
    const double most = *std::max_element(logits.begin(), logits.end());
    const double sum = std::accumulate(
        logits.begin(), logits.end(), 0.0,
        [&](double so_far, float logit) { return so_far + std::exp(double{logit} - most); });
    return most + std::log(sum);
}

}  // namespace

double log_probability(std::span<const float> logits, Token token) {
    return double{logits[static_cast<std::size_t>(token)]} - log_sum(logits);
}

TokenChances chances(std::span<const float> logits, Token chosen, std::size_t count) {
    const double whole = log_sum(logits);
    const auto chance = [&](Token token) {
        const double logit = logits[static_cast<std::size_t>(token)];
        return TokenChance{token, static_cast<float>(logit - whole)};
    };
    std::vector<Token> order(logits.size());
    std::iota(order.begin(), order.end(), 0);
    count = std::min(count, order.size());
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count),
                      order.end(), [&](Token a, Token b) {
                          return logits[static_cast<std::size_t>(a)] >
                                 logits[static_cast<std::size_t>(b)];
                      });
    TokenChances result{chance(chosen), {}};
    for (std::size_t i = 0; i < count; ++i) {
        result.best.push_back(chance(order[i]));
    }
    return result;
}

}  // namespace hexcore
