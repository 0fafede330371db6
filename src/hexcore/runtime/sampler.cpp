#include "hexcore/runtime/sampler.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <limits>
#include <numeric>
#include <utility>

#include "llama.h"

namespace hexcore {
namespace {

static_assert(SamplingOptions{}.seed == LLAMA_DEFAULT_SEED);

void add_to_chain(llama_sampler& chain, llama_sampler* sampler) {
    llama_sampler_chain_add(&chain, sampler);
}

bool has_penalties(const SamplingOptions& options) {
    return options.repeat_last_n != 0 &&
           (options.repeat_penalty != 1 || options.frequency_penalty != 0 ||
            options.presence_penalty != 0);
}

void fill(llama_sampler& chain, std::int32_t n_vocab, const SamplingOptions& options,
          std::span<const LogitBias> biases) {
    if (!biases.empty()) {
        std::vector<llama_logit_bias> entries;
        for (const LogitBias& bias : biases) {
            entries.push_back({bias.token, bias.bias});
        }
        add_to_chain(
            chain, llama_sampler_init_logit_bias(n_vocab, static_cast<std::int32_t>(entries.size()),
                                                 entries.data()));
    }
    if (has_penalties(options)) {
        add_to_chain(chain, llama_sampler_init_penalties(
                                n_vocab, options.repeat_last_n, options.repeat_penalty,
                                options.frequency_penalty, options.presence_penalty));
    }
    if (options.temperature <= 0) {
        add_to_chain(chain, llama_sampler_init_greedy());
        return;
    }
    if (options.top_k > 0) {
        add_to_chain(chain, llama_sampler_init_top_k(options.top_k));
    }
    if (options.typical_p < 1) {
        add_to_chain(chain, llama_sampler_init_typical(options.typical_p, 1));
    }
    if (options.top_p < 1) {
        add_to_chain(chain, llama_sampler_init_top_p(options.top_p, 1));
    }
    if (options.min_p > 0) {
        add_to_chain(chain, llama_sampler_init_min_p(options.min_p, 1));
    }
    if (options.xtc_probability > 0) {
        add_to_chain(chain, llama_sampler_init_xtc(options.xtc_probability, options.xtc_threshold,
                                                   1, options.seed));
    }
    add_to_chain(chain, llama_sampler_init_temp(options.temperature));
    add_to_chain(chain, llama_sampler_init_dist(options.seed));
}

/// In place of what libllama would stop the process for, or compute nonsense with.
Result<void> check(const SamplingOptions& options, std::span<const LogitBias> biases,
                   std::int32_t n_vocab) {
    struct Bound {
        const char* name;
        float value, least, most;
    };
    constexpr float most = std::numeric_limits<float>::max();
    for (const Bound& bound :
         {Bound{"temperature", options.temperature, 0, 100}, Bound{"top_p", options.top_p, 0, 1},
          Bound{"min_p", options.min_p, 0, 1}, Bound{"typical_p", options.typical_p, 0, 1},
          Bound{"repeat_penalty", options.repeat_penalty, 1e-6F, most},
          Bound{"frequency_penalty", options.frequency_penalty, -most, most},
          Bound{"presence_penalty", options.presence_penalty, -most, most},
          Bound{"xtc_probability", options.xtc_probability, 0, 1},
          Bound{"xtc_threshold", options.xtc_threshold, 0, 1}}) {
        if (!(bound.value >= bound.least && bound.value <= bound.most)) {
            return fail(ErrorCode::usage, "{} is {}, which is not between {:g} and {:g}",
                        bound.name, bound.value, bound.least, bound.most);
        }
    }
    if (options.repeat_last_n < 0 || options.top_k < 0) {
        return fail(ErrorCode::usage, "{} is negative",
                    options.top_k < 0 ? "top_k" : "repeat_last_n");
    }
    for (const LogitBias& bias : biases) {
        if (bias.token < 0 || bias.token >= n_vocab || std::isnan(bias.bias)) {
            return fail(ErrorCode::usage, "logit bias {} for token {}: the vocabulary has {}",
                        bias.bias, bias.token, n_vocab);
        }
    }
    return {};
}

llama_sampler* make_grammar(const llama_vocab& vocab, const Grammar& grammar) {
    constexpr const char* root = "root";
    if (!grammar.lazy) {
        return llama_sampler_init_grammar(&vocab, grammar.rules.c_str(), root);
    }
    std::vector<const char*> patterns;
    for (const std::string& pattern : grammar.trigger_patterns) {
        patterns.push_back(pattern.c_str());
    }
    return llama_sampler_init_grammar_lazy_patterns(
        &vocab, grammar.rules.c_str(), root, patterns.data(), patterns.size(),
        grammar.trigger_tokens.data(), grammar.trigger_tokens.size());
}

}  // namespace

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
                              const Grammar& grammar, std::span<const LogitBias> biases) {
    const std::int32_t n_vocab = llama_vocab_n_tokens(&model.vocab());
    HEXCORE_TRY_VOID(check(options, biases, n_vocab));
    Handle rules;
    if (!grammar.rules.empty() && llama_vocab_type(&model.vocab()) == LLAMA_VOCAB_TYPE_NONE) {
        return fail(ErrorCode::usage, "a grammar needs a model with a tokenizer");
    }
    if (!grammar.rules.empty()) {
        try {
            rules.reset(make_grammar(model.vocab(), grammar));
            for (const Token token : grammar.start) {
                if (rules) {
                    llama_sampler_accept(rules.get(), token);
                }
            }
        } catch (const std::exception& error) {
            return fail(ErrorCode::usage, "the grammar cannot be used: {}", error.what());
        }
        if (!rules) {
            return fail(ErrorCode::usage,
                        "the grammar cannot be used: it is not GBNF with a rule named root");
        }
    }
    Handle chain(llama_sampler_chain_init(llama_sampler_chain_default_params()));
    SamplingOptions bounded = options;
    bounded.repeat_last_n = std::min(options.repeat_last_n,
                                     static_cast<std::int32_t>(llama_n_ctx_seq(&model.context())));
    fill(*chain, n_vocab, bounded, biases);
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
    if (grammar_) {
        // To ask a grammar for one token is much cheaper than for all of the vocabulary.
        llama_token_data one{token, 1, 0};
        llama_token_data_array alone{&one, 1, -1, false};
        llama_sampler_apply(grammar_.get(), &alone);
        if (std::isinf(one.logit)) {
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
        try {
            llama_sampler_accept(grammar_.get(), token);
        } catch (const std::exception& error) {
            return fail(ErrorCode::negative, "the answer left its grammar: {}", error.what());
        }
    }
    llama_sampler_accept(chain_.get(), token);
    return token;
}

void Sampler::remember(Token token) { llama_sampler_accept(chain_.get(), token); }

TokenChances chances(std::span<const float> logits, Token chosen, std::size_t count) {
    const double most = *std::max_element(logits.begin(), logits.end());
    const double sum = std::accumulate(
        logits.begin(), logits.end(), 0.0,
        [&](double so_far, float logit) { return so_far + std::exp(double{logit} - most); });
    const double whole = most + std::log(sum);
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
