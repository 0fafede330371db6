#include "hexcore/assistant/combination.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>

#include "hexcore/assistant/logistic_regression.hpp"
#include "hexcore/base/check.hpp"

namespace hexcore {
namespace {

constexpr double minus_infinity = -std::numeric_limits<double>::infinity();
constexpr std::array named_combinations{
    std::pair{Combination::choose, "choose"}, std::pair{Combination::merge, "merge"},
    std::pair{Combination::blend, "blend"}, std::pair{Combination::attend, "attend"}};

bool have_same_bits(std::span<const float> a, std::span<const float> b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

/// Their sum; nothing: they are no weights.
std::optional<double> sum_of_weights(std::span<const double> weights) {
    double sum = 0;
    for (const double weight : weights) {
        if (!(weight >= 0)) {
            return {};
        }
        sum += weight;
    }
    return sum > 0 && std::isfinite(sum) ? std::optional(sum) : std::nullopt;
}

/// What softmax divides by.
struct Normaliser {
    double most = 0;  ///< the largest logit
    double log = 0;   ///< of the sum of all exponentials
};

/// Fills in their exponentials, over that of the largest, so that no sum of them overflows.
/// Nothing: they are no distribution.
std::optional<Normaliser> normaliser_of(std::span<const float> logits,
                                        std::vector<double>& exponentials) {
    float most = -std::numeric_limits<float>::infinity();
    for (const float logit : logits) {
        if (std::isnan(logit)) {
            return {};
        }
        most = std::max(most, logit);
    }
    if (!std::isfinite(most)) {
        return {};
    }
    exponentials.resize(logits.size());
    double sum = 0;
    for (std::size_t token = 0; token < logits.size(); ++token) {
        exponentials[token] = std::exp(double{logits[token]} - double{most});
        sum += exponentials[token];
    }
    return Normaliser{most, double{most} + std::log(sum)};
}

/// One that counts.
struct Weighted {
    std::span<const float> logits;
    const std::vector<double>& exponentials;
    double share = 0;  ///< of an exponential: the weighted probability
    double add = 0;    ///< to a logit: the logarithm of that
};

/// The same by logarithms, for a token that has next to no chance.
double log_of_sum(std::span<const Weighted> experts, std::size_t token) {
    double most = minus_infinity;
    for (const Weighted& expert : experts) {
        most = std::max(most, double{expert.logits[token]} + expert.add);
    }
    if (most == minus_infinity) {
        return most;
    }
    double sum = 0;
    for (const Weighted& expert : experts) {
        sum += std::exp(double{expert.logits[token]} + expert.add - most);
    }
    return most + std::log(sum);
}

void mix_into(std::span<float> mixed, std::span<const Weighted> experts) {
    constexpr double loses_digits = 1e-280;
    for (std::size_t token = 0; token < mixed.size(); ++token) {
        double chance = 0;
        for (const Weighted& expert : experts) {
            chance += expert.share * expert.exponentials[token];
        }
        mixed[token] = static_cast<float>(chance > loses_digits ? std::log(chance)
                                                                : log_of_sum(experts, token));
    }
}

Result<void> check_vectors(std::span<const float> vector, const ExpertVectors& experts,
                           double temperature) {
    if (experts.empty() || vector.empty()) {
        return fail(ErrorCode::usage, "there is nothing to weigh experts by");
    }
    if (!(temperature > 0) || !std::isfinite(temperature)) {
        return fail(ErrorCode::usage, "experts cannot be weighed at the temperature {}",
                    temperature);
    }
    for (const std::span<const float> expert : experts) {
        if (expert.size() != vector.size()) {
            return fail(ErrorCode::usage,
                        "an expert's centre has {} dimensions, the model's state "
                        "has {}",
                        expert.size(), vector.size());
        }
    }
    return {};
}

/// Softmax of what may be no numbers.
Result<std::vector<double>> checked_softmax(std::span<const double> scores, double temperature) {
    auto weights = softmax(scores, temperature);
    if (!std::ranges::all_of(weights, [](double weight) { return std::isfinite(weight); })) {
        return fail(ErrorCode::negative, "a state or a centre holds what is no number");
    }
    return weights;
}

double length(std::span<const float> vector) {
    const double squares = std::accumulate(
        vector.begin(), vector.end(), 0.0,
        [](double sum, float value) { return sum + double{value} * double{value}; });
    return std::sqrt(squares);
}

}  // namespace

const char* to_string(Combination combination) {
    for (const auto& [one, name] : named_combinations) {
        if (one == combination) {
            return name;
        }
    }
    return "";
}

std::optional<Combination> combination_named(std::string_view name) {
    for (const auto& [one, its_name] : named_combinations) {
        if (its_name == name) {
            return one;
        }
    }
    return {};
}

Result<std::span<const float>> DistributionMix::mix(std::span<const double> weights,
                                                    const ExpertVectors& logits) {
    if (logits.empty() || weights.size() != logits.size()) {
        return fail(ErrorCode::usage, "{} weights are not for {} distributions", weights.size(),
                    logits.size());
    }
    const auto sum = sum_of_weights(weights);
    if (!sum) {
        return fail(ErrorCode::negative, "the experts' weights are none");
    }
    std::vector<Weighted> counting;
    bool same = true;
    exponentials_.resize(logits.size());
    log_normalisers_.assign(logits.size(), 0);
    for (std::size_t i = 0; i < logits.size(); ++i) {
        if (weights[i] == 0) {
            continue;
        }
        const std::span<const float> first = counting.empty() ? logits[i] : counting[0].logits;
        if (logits[i].size() != first.size()) {
            return fail(ErrorCode::usage,
                        "experts of one answer have {} and {} tokens to choose from", first.size(),
                        logits[i].size());
        }
        const auto normaliser = normaliser_of(logits[i], exponentials_[i]);
        if (!normaliser) {
            return fail(ErrorCode::negative,
                        "what an expert says of the next token is no distribution");
        }
        same = same && have_same_bits(logits[i], first);
        log_normalisers_[i] = normaliser->log;
        const double weight = weights[i] / *sum;
        counting.push_back({logits[i], exponentials_[i],
                            weight * std::exp(normaliser->most - normaliser->log),
                            std::log(weight) - normaliser->log});
    }
    const std::span<const float> first = counting.front().logits;
    if (same) {
        return first;  // softmax and its logarithm are not exact
    }
    mixed_.resize(first.size());
    mix_into(mixed_, counting);
    return mixed_;
}

Result<std::vector<double>> distance_weights(std::span<const float> embedding,
                                             const ExpertVectors& centres, double temperature) {
    HEXCORE_TRY_VOID(check_vectors(embedding, centres, temperature));
    const double size = length(embedding);
    std::vector<double> scores;
    for (const std::span<const float> centre : centres) {
        double squares = 0;
        for (std::size_t j = 0; j < centre.size(); ++j) {
            const double value = size != 0 ? double{embedding[j]} / size : 0;
            squares += (value - double{centre[j]}) * (value - double{centre[j]});
        }
        scores.push_back(-squares);
    }
    return checked_softmax(scores, temperature);
}

Result<BlendWeights> BlendWeights::from(std::span<const double> prior) {
    const auto sum = sum_of_weights(prior);
    if (!sum) {
        return fail(ErrorCode::usage, "the experts' weights are none");
    }
    BlendWeights blend;
    for (const double weight : prior) {
        blend.weights_.push_back(weight / *sum);
    }
    return blend;
}

void BlendWeights::update(std::span<const double> log_probabilities) {
    HEXCORE_CHECK(log_probabilities.size() == weights_.size(), log_probabilities.size(),
                  weights_.size());
    double most = minus_infinity;
    for (std::size_t i = 0; i < weights_.size(); ++i) {
        if (weights_[i] > 0) {
            if (!(log_probabilities[i] < std::numeric_limits<double>::infinity())) {
                return;
            }
            most = std::max(most, log_probabilities[i]);
        }
    }
    if (most == minus_infinity) {
        return;
    }
    double sum = 0;
    for (std::size_t i = 0; i < weights_.size(); ++i) {
        weights_[i] *= weights_[i] > 0 ? std::exp(log_probabilities[i] - most) : 0;
        sum += weights_[i];
    }
    for (double& weight : weights_) {
        weight /= sum;
    }
}

std::vector<float> normalised(std::span<const float> vector, std::span<const float> origin) {
    HEXCORE_CHECK(origin.empty() || origin.size() == vector.size(), origin.size(), vector.size());
    const double size = length(vector);
    std::vector<double> moved(vector.size());
    if (size != 0) {
        for (std::size_t j = 0; j < moved.size(); ++j) {
            moved[j] = double{vector[j]} / size - (origin.empty() ? 0 : double{origin[j]});
        }
    }
    const double squares = std::inner_product(moved.begin(), moved.end(), moved.begin(), 0.0);
    // What is left of a vector that is the origin itself is rounding.
    const double scale = squares < 1e-12 ? 0 : 1 / std::sqrt(squares);
    std::vector<float> result(vector.size());
    for (std::size_t j = 0; j < moved.size(); ++j) {
        result[j] = static_cast<float>(moved[j] * scale);
    }
    return result;
}

std::vector<float> common_direction(const ExpertVectors& vectors) {
    std::vector<double> sum(vectors.empty() ? 0 : vectors.front().size());
    for (const std::span<const float> vector : vectors) {
        HEXCORE_CHECK(vector.size() == sum.size(), vector.size(), sum.size());
        const double size = length(vector);
        for (std::size_t j = 0; j < sum.size() && size != 0; ++j) {
            sum[j] += double{vector[j]} / size;
        }
    }
    std::vector<float> mean;
    mean.reserve(sum.size());
    for (const double value : sum) {
        mean.push_back(static_cast<float>(value / static_cast<double>(vectors.size())));
    }
    return mean;
}

Result<std::vector<double>> attention_weights(std::span<const float> query,
                                              const ExpertVectors& keys,
                                              const AttentionOptions& options) {
    HEXCORE_TRY_VOID(check_vectors(query, keys, options.temperature));
    if (!options.gate.empty() && options.gate.size() != query.size()) {
        return fail(ErrorCode::usage, "the gate has {} dimensions, the model's state has {}",
                    options.gate.size(), query.size());
    }
    std::vector<double> scores;
    for (const std::span<const float> key : keys) {
        double score = 0;
        for (std::size_t j = 0; j < key.size(); ++j) {
            const double gate = options.gate.empty() ? 1 : double{options.gate[j]};
            score += gate * double{query[j]} * double{key[j]};
        }
        scores.push_back(score);
    }
    return checked_softmax(scores, options.temperature);
}

}  // namespace hexcore
