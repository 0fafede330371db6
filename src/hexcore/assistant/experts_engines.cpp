#include "hexcore/assistant/experts_engines.hpp"

#include <algorithm>
#include <utility>

#include "hexcore/model/merged_adapter.hpp"

namespace hexcore {

bool can_answer_together(const AssistantHost& host, Combination how,
                         std::span<const std::size_t> experts) {
    if (!host.fit_together) {
        return true;
    }
    std::vector<std::vector<ChosenAdapter>> sets;
    for (const std::size_t expert : experts) {
        const std::vector<ChosenAdapter>& set = host.adapters[expert];
        // Those in other contexts wait for each other.
        if (how != Combination::choose ||
            std::ranges::equal(set, host.adapters[experts.back()], {}, &ChosenAdapter::key,
                               &ChosenAdapter::key)) {
            sets.push_back(set);
        }
    }
    if (how == Combination::merge) {
        // Any weights take the same.
        auto merged = merged_adapters(
            sets, std::vector<double>(sets.size(), 1 / static_cast<double>(sets.size())));
        if (!merged) {
            return false;
        }
        sets.assign(1, *std::move(merged));
    } else if (how == Combination::attend) {
        sets.emplace_back();  // the base model reads along
    }
    return host.fit_together(sets);
}

PartsAreThere engines_for(const AssistantHost& host, Combination how,
                          std::vector<std::vector<ChosenAdapter>> sets) {
    if (!host.when_there) {
        return {};
    }
    return [when_there = host.when_there, sets = std::move(sets),
            with_base = how == Combination::attend](std::span<const std::size_t> parts,
                                                    std::function<void()> then) {
        std::vector<std::vector<ChosenAdapter>> together;
        for (const std::size_t part : parts) {
            together.push_back(sets[part]);
        }
        if (with_base) {
            together.emplace_back();
        }
        return when_there(std::move(together), std::move(then));
    };
}

}  // namespace hexcore
