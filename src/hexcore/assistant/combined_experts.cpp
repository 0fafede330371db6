#include "hexcore/assistant/combined_experts.hpp"

#include <utility>

namespace hexcore {

std::vector<double> MixedExperts::mean_weights() const {
    std::vector<double> means = sums_;
    for (double& mean : means) {
        mean /= static_cast<double>(tokens_);
    }
    return means;
}

Result<std::span<const float>> MixedExperts::mix(std::span<const double> weights,
                                                 std::span<const NextToken> experts) {
    ExpertVectors logits;
    for (const NextToken& expert : experts) {
        logits.push_back(expert.logits);
    }
    sums_.resize(weights.size());
    for (std::size_t i = 0; i < weights.size(); ++i) {
        sums_[i] += weights[i];
    }
    ++tokens_;
    return mix_.mix(weights, logits);
}

Result<std::span<const float>> BlendedExperts::combine(std::span<const NextToken> members) {
    return mix(weights(), members);
}

void BlendedExperts::chosen(Token token, std::span<const NextToken> members) {
    std::vector<double> chances;
    for (std::size_t i = 0; i < members.size(); ++i) {
        chances.push_back(double{members[i].logits[static_cast<std::size_t>(token)]} -
                          log_normalisers()[i]);
    }
    weights_.update(chances);
}

AttendedExperts::AttendedExperts(const ExpertVectors& centres,
                                 std::span<const std::size_t> taking_part, AttentionOptions options)
    : origin_(common_direction(centres)), options_(std::move(options)) {
    for (const std::size_t expert : taking_part) {
        keys_.push_back(normalised(centres[expert], origin_));
    }
}

Result<std::span<const float>> AttendedExperts::combine(std::span<const NextToken> members) {
    HEXCORE_CHECK(members.size() == keys_.size() + 1, members.size(), keys_.size());
    const std::span<const float> state = members.back().state;
    if (state.size() != origin_.size()) {
        return fail(ErrorCode::usage, "the model's state has {} dimensions, the centres have {}",
                    state.size(), origin_.size());
    }
    HEXCORE_TRY(weights, attention_weights(normalised(state, origin_), {keys_.begin(), keys_.end()},
                                           options_));
    return mix(weights, members.first(keys_.size()));
}

}  // namespace hexcore
