#include "hexcore/runtime/sampler_chain.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "hexcore/runtime/loaded_model.hpp"
#include "llama.h"

namespace hexcore {
namespace {

static_assert(SamplingOptions{}.seed == LLAMA_DEFAULT_SEED);

bool has_penalties(const SamplingOptions& options) {
    return options.repeat_last_n != 0 &&
           (options.repeat_penalty != 1 || options.frequency_penalty != 0 ||
            options.presence_penalty != 0);
}

class Chain {
public:
    explicit Chain(const LoadedModel& model)
        : vocab_(&model.vocab()),
          n_vocab_(llama_vocab_n_tokens(vocab_)),
          n_context_(static_cast<std::int32_t>(llama_n_ctx_seq(&model.context()))),
          chain_(llama_sampler_chain_init(llama_sampler_chain_default_params())) {}

    void add_biases(std::span<const LogitBias> biases) {
        std::vector<llama_logit_bias> entries;
        for (const LogitBias& bias : biases) {
            entries.push_back({bias.token, bias.bias});
        }
        if (!entries.empty()) {
            add(llama_sampler_init_logit_bias(n_vocab_, static_cast<std::int32_t>(entries.size()),
                                              entries.data()));
        }
    }
    void add_penalties(const SamplingOptions& options) {
        if (has_penalties(options)) {
            add(llama_sampler_init_penalties(n_vocab_, std::min(options.repeat_last_n, n_context_),
                                             options.repeat_penalty, options.frequency_penalty,
                                             options.presence_penalty));
        }
        if (options.dry_multiplier > 0 && options.dry_last_n != 0) {
            std::array breakers{"\n", ":", "\"", "*"};  // as in llama.cpp
            const bool has_texts = llama_vocab_type(vocab_) != LLAMA_VOCAB_TYPE_NONE;
            add(llama_sampler_init_dry(vocab_, options.dry_multiplier, options.dry_base,
                                       options.dry_allowed_length,
                                       std::min(options.dry_last_n, n_context_), breakers.data(),
                                       has_texts ? breakers.size() : 0));
        }
    }
    void add_truncations(const SamplingOptions& options) {
        constexpr std::size_t least_left = 1;
        if (options.top_n_sigma > 0) {
            add(llama_sampler_init_top_n_sigma(options.top_n_sigma));
        }
        if (options.top_k > 0) {
            add(llama_sampler_init_top_k(options.top_k));
        }
        if (options.typical_p < 1) {
            add(llama_sampler_init_typical(options.typical_p, least_left));
        }
        if (options.top_p < 1) {
            add(llama_sampler_init_top_p(options.top_p, least_left));
        }
        if (options.min_p > 0) {
            add(llama_sampler_init_min_p(options.min_p, least_left));
        }
        if (options.xtc_probability > 0) {
            add(llama_sampler_init_xtc(options.xtc_probability, options.xtc_threshold, least_left,
                                       options.seed));
        }
    }
    void add_choice(const SamplingOptions& options) {
        add(llama_sampler_init_temp_ext(options.temperature, options.dynatemp_range,
                                        options.dynatemp_exponent));
        add(llama_sampler_init_dist(options.seed));
    }
    /// In place of all of them.
    void add_mirostat(const SamplingOptions& options) {
        add(llama_sampler_init_temp(options.temperature));
        constexpr std::int32_t tokens_considered = 100;  // as the paper has it
        add(options.mirostat == 1
                ? llama_sampler_init_mirostat(n_vocab_, options.seed, options.mirostat_entropy,
                                              options.mirostat_rate, tokens_considered)
                : llama_sampler_init_mirostat_v2(options.seed, options.mirostat_entropy,
                                                 options.mirostat_rate));
    }
    void add(llama_sampler* sampler) { llama_sampler_chain_add(chain_, sampler); }
    [[nodiscard]] llama_sampler* chain() const { return chain_; }

private:
    const llama_vocab* vocab_;
    std::int32_t n_vocab_;
    std::int32_t n_context_;
    llama_sampler* chain_;
};

}  // namespace

llama_sampler* sampler_chain(const LoadedModel& model, const SamplingOptions& options,
                             std::span<const LogitBias> biases) {
    Chain chain(model);
    chain.add_biases(biases);
    if (options.mirostat != 0 && options.temperature > 0) {
        chain.add_mirostat(options);
        return chain.chain();
    }
    chain.add_penalties(options);
    if (options.temperature <= 0) {
        chain.add(llama_sampler_init_greedy());
        return chain.chain();
    }
    chain.add_truncations(options);
    chain.add_choice(options);
    return chain.chain();
}

Result<void> check_sampling(const LoadedModel& model, const SamplingOptions& options,
                            std::span<const LogitBias> biases) {
    struct Bound {
        const char* name;
        double value, least, most;
    };
    constexpr double most = std::numeric_limits<float>::max();
    constexpr double most_count = std::numeric_limits<std::int32_t>::max();
    for (const Bound& bound :
         {Bound{"temperature", options.temperature, 0, 100},
          Bound{"top_p", options.top_p, 0, 1},
          Bound{"min_p", options.min_p, 0, 1},
          Bound{"typical_p", options.typical_p, 0, 1},
          Bound{"top_k", static_cast<double>(options.top_k), 0, most_count},
          Bound{"top_n_sigma", options.top_n_sigma, 0, most},
          Bound{"repeat_last_n", static_cast<double>(options.repeat_last_n), 0, most_count},
          Bound{"repeat_penalty", options.repeat_penalty, 1e-6, most},
          Bound{"frequency_penalty", options.frequency_penalty, -most, most},
          Bound{"presence_penalty", options.presence_penalty, -most, most},
          Bound{"dry_multiplier", options.dry_multiplier, 0, most},
          Bound{"dry_base", options.dry_base, 1, most},
          Bound{"dry_allowed_length", static_cast<double>(options.dry_allowed_length), 0,
                most_count},
          Bound{"dry_last_n", static_cast<double>(options.dry_last_n), 0, most_count},
          Bound{"xtc_probability", options.xtc_probability, 0, 1},
          Bound{"xtc_threshold", options.xtc_threshold, 0, 1},
          Bound{"dynatemp_range", options.dynatemp_range, 0, 100},
          Bound{"dynatemp_exponent", options.dynatemp_exponent, 0, most},
          Bound{"mirostat", static_cast<double>(options.mirostat), 0, 2},
          Bound{"mirostat_entropy", options.mirostat_entropy, 0, most},
          Bound{"mirostat_rate", options.mirostat_rate, 0, 1}}) {
        if (!(bound.value >= bound.least && bound.value <= bound.most)) {
            return fail(ErrorCode::usage, "{} is {:g}, which is not between {:g} and {:g}",
                        bound.name, bound.value, bound.least, bound.most);
        }
    }
    const std::int32_t n_vocab = llama_vocab_n_tokens(&model.vocab());
    for (const LogitBias& bias : biases) {
        if (bias.token < 0 || bias.token >= n_vocab || std::isnan(bias.bias)) {
            return fail(ErrorCode::usage, "logit bias {} for token {}: the vocabulary has {}",
                        bias.bias, bias.token, n_vocab);
        }
    }
    return {};
}

}  // namespace hexcore
