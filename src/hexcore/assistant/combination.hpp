#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "hexcore/base/result.hpp"

namespace hexcore {

// How several experts give one answer: the formulas, without an engine. docs/experts.md has them
// with their shapes, cost and sources.

enum class Combination {
    choose,  ///< each answers, and the base model says which answer is best
    merge,   ///< one answer, with all experts' adapters at once
    blend,   ///< one answer, each token from the weighted sum of their distributions
    attend,  ///< the same, with weights by the base model's state at each token
};
[[nodiscard]] const char* to_string(Combination combination);
[[nodiscard]] std::optional<Combination> combination_named(std::string_view name);

/// A vector of each expert, [expert][n].
using ExpertVectors = std::vector<std::span<const float>>;

/// The linear pool of distributions: p = sum over i of w_i softmax(l_i), as logits log p. Where all
/// that count have the same bits, or one alone does, these pass through.
class DistributionMix {
public:
    /// `logits`: [expert][vocabulary], all of one size; `weights`: [expert], none negative, not all
    /// 0; their sum need not be 1. Who has the weight 0 is not looked at. A logit may be -infinity:
    /// that token has no chance. Valid until the next call. Fails with ErrorCode::negative for
    /// numbers that are no distribution, and ErrorCode::usage for sizes that do not agree.
    [[nodiscard]] Result<std::span<const float>> mix(std::span<const double> weights,
                                                     const ExpertVectors& logits);

    /// [expert]: a logit less this is the token's log-probability; 0 for who was not looked at.
    [[nodiscard]] const std::vector<double>& log_normalisers() const { return log_normalisers_; }

private:
    std::vector<float> mixed_;
    std::vector<double> log_normalisers_;
    std::vector<std::vector<double>> exponentials_;  ///< [expert][vocabulary]
};

/// Weights of experts by how far their centres are from a question's embedding: w_i in proportion
/// to exp(-d_i^2 / temperature), where d_i is the distance of e/|e| to centre i (c-BTM, Gururangan
/// et al., 2023). In sum 1. Fails with ErrorCode::usage for sizes or a temperature that are
/// impossible, and ErrorCode::negative for numbers that are none.
[[nodiscard]] Result<std::vector<double>> distance_weights(std::span<const float> embedding,
                                                           const ExpertVectors& centres,
                                                           double temperature);

/// The weights of a blend, which follow who foresees the answer: after a token, w_i in proportion
/// to w_i p_i(token) (DEMix, Gururangan et al., 2021).
class BlendWeights {
public:
    /// `prior`: none negative, not all 0. Fails with ErrorCode::usage otherwise.
    [[nodiscard]] static Result<BlendWeights> from(std::span<const double> prior);

    /// In sum 1.
    [[nodiscard]] const std::vector<double>& weights() const { return weights_; }
    /// [expert]: natural, of the token that was chosen; -infinity: it had no chance. Where it had
    /// none with anybody who has a weight, or a number is none, the weights stay.
    void update(std::span<const double> log_probabilities);

private:
    std::vector<double> weights_;
};

/// How attention is paid to experts.
struct AttentionOptions {
    double temperature = 0.25;
    /// [n]: how much each dimension counts; empty: 1 each. Learned, from a file (gate_file.hpp).
    std::vector<float> gate = {};
};

/// What stands for a state in attention: v/|v| less `origin`, at length 1. A vector of zeros stays
/// one. `origin`: [n], or empty for zeros.
[[nodiscard]] std::vector<float> normalised(std::span<const float> vector,
                                            std::span<const float> origin = {});
/// The mean of v/|v|: what all of them have in common.
[[nodiscard]] std::vector<float> common_direction(const ExpertVectors& vectors);
/// w = softmax over i of (sum over j of g_j q_j k_ij) / temperature, for a query [n] and keys
/// [expert][n], both normalised(). In sum 1. Fails as distance_weights().
[[nodiscard]] Result<std::vector<double>> attention_weights(std::span<const float> query,
                                                            const ExpertVectors& keys,
                                                            const AttentionOptions& options);

}  // namespace hexcore
