#include "hexcore/assistant/assistant_plan.hpp"

#include <fmt/format.h>

namespace hexcore {
namespace {

/// Part of a sentence about an expert.
std::string why_left_out(const Error& error) {
    const auto problem = adapter_problem(error);
    return fmt::format("its adapter is {}: {}", problem ? to_string(*problem) : "not to be had",
                       error.message);
}

}  // namespace

void plan_for(const AssistantDescription& assistant, PlanningOptions& options,
              std::optional<Combination> how) {
    options.computing.states = assistant.experts.size() > 1;
    options.if_adapter_fails = IfAdapterFails::leave_out;
    for (const ExpertDescription& expert : assistant.experts) {
        if (expert.adapter) {
            options.more_adapters.push_back(
                {{.path = expert.adapter->file, .scale = expert.adapter->scale}});
        }
    }
    if (how.value_or(assistant.combining.method) == Combination::merge) {
        options.merging = static_cast<std::uint32_t>(options.more_adapters.size());
    }
}

bool lacks_room(const PlannedModel& model) {
    for (std::size_t i = 0; i < model.n_sets(); ++i) {
        if (!model.set(i) && adapter_problem(model.set(i).error()) == AdapterProblem::too_big) {
            return true;
        }
    }
    return false;
}

Result<PlannedModel> plan_side_by_side(
    std::uint32_t most, const std::function<Result<PlannedModel>(std::uint32_t experts)>& plan) {
    std::uint32_t experts = most;
    auto model = plan(experts);
    while (!model && model.error().code == ErrorCode::does_not_fit && experts > 1) {
        model = plan(--experts);
    }
    if (!model || experts == 1 || !lacks_room(*model)) {
        return model;
    }
    auto alone = plan(1);
    if (!alone || lacks_room(*alone)) {
        return model;  // fewer gain nothing
    }
    while (--experts > 1) {
        auto fewer = plan(experts);
        if (fewer && !lacks_room(*fewer)) {
            return fewer;
        }
    }
    return alone;
}

std::vector<std::vector<ChosenAdapter>> adapters_of(const PlannedModel& model,
                                                    Assistant& assistant) {
    std::vector<std::vector<ChosenAdapter>> adapters;
    std::size_t number = 0;
    for (const ExpertDescription& expert : assistant.description().experts) {
        std::vector<ChosenAdapter>& own = adapters.emplace_back(model.computing().adapters);
        if (!expert.adapter) {
            continue;
        }
        if (const auto& set = model.set(number++)) {
            own = *set;
        } else {
            assistant.exclude(adapters.size() - 1, why_left_out(set.error()));
        }
    }
    return adapters;
}

}  // namespace hexcore
