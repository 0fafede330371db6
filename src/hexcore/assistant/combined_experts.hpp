#pragma once

#include <span>
#include <vector>

#include "hexcore/assistant/combination.hpp"
#include "hexcore/session/joint_answer.hpp"

namespace hexcore {

/// Mixes what experts say of each token of a joint answer.
class MixedExperts : public TokenCombiner {
public:
    /// [expert]: the mean over the tokens so far, in sum 1; none before the first.
    [[nodiscard]] std::vector<double> mean_weights() const;

protected:
    [[nodiscard]] Result<std::span<const float>> mix(std::span<const double> weights,
                                                     std::span<const NextToken> experts);
    [[nodiscard]] const std::vector<double>& log_normalisers() const {
        return mix_.log_normalisers();
    }

private:
    DistributionMix mix_;
    std::vector<double> sums_;
    std::size_t tokens_ = 0;
};

/// Combination::blend. All members are experts.
class BlendedExperts : public MixedExperts {
public:
    explicit BlendedExperts(BlendWeights weights) : weights_(std::move(weights)) {}

    [[nodiscard]] Result<std::span<const float>> combine(
        std::span<const NextToken> members) override;
    void chosen(Token token, std::span<const NextToken> members) override;
    [[nodiscard]] const std::vector<double>& weights() const { return weights_.weights(); }

private:
    BlendWeights weights_;
};

/// Combination::attend. The last member is the base model, of which only the states count; the
/// others are experts.
class AttendedExperts : public MixedExperts {
public:
    /// `centres`: of all experts that the router knows, [expert][n_embd]; `taking_part`: which of
    /// them the members are.
    AttendedExperts(const ExpertVectors& centres, std::span<const std::size_t> taking_part,
                    AttentionOptions options);

    [[nodiscard]] Result<std::span<const float>> combine(
        std::span<const NextToken> members) override;

private:
    std::vector<float> origin_;             ///< what all centres have in common
    std::vector<std::vector<float>> keys_;  ///< [member]
    AttentionOptions options_;
};

}  // namespace hexcore
