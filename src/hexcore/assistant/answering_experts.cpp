#include "hexcore/assistant/answering_experts.hpp"

#include <algorithm>
#include <utility>

namespace hexcore {
namespace {

/// Who was picked, before any of them has answered.
std::vector<AnsweringExpert> named_experts(const Assistant& assistant,
                                           std::span<const PickedExpert> picked) {
    std::vector<AnsweringExpert> experts;
    for (const PickedExpert& one : picked) {
        experts.push_back({.name = assistant.expert_name(one.expert),
                           .confidence = one.confidence,
                           .weight = one.weight});
    }
    return experts;
}

}  // namespace

std::vector<AnsweringExpert> answering_experts(const Assistant& assistant,
                                               std::span<const PickedExpert> picked,
                                               Combination how, const ExpertsEnd& ended) {
    std::vector<AnsweringExpert> all = named_experts(assistant, picked);
    std::vector<AnsweringExpert> answered;
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (std::ranges::find(ended.failed, i, &FailedPart::part) != ended.failed.end()) {
            continue;
        }
        if (i < ended.weights.size()) {
            all[i].weight = ended.weights[i];
        }
        if (how == Combination::choose) {
            all[i].score = ended.scores[i];
            all[i].chosen = i == ended.winner;
        }
        answered.push_back(std::move(all[i]));
    }
    return answered;
}

}  // namespace hexcore
