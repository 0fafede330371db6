#include <algorithm>
#include <limits>

#include "hexcore/plan/kv_cache.hpp"
#include "hexcore/plan/planning_rounds.hpp"

namespace hexcore {
namespace {

/// The largest context to consider, for all sequences together.
Result<std::uint64_t> most_tokens(const PlanRequest& request) {
    if (request.context.tokens > TokenCount(0)) {
        return request.context.tokens.value();
    }
    if (request.model.n_ctx_train == 0) {
        return fail(ErrorCode::usage, {{Change::name_context}},
                    "model '{}' does not say for how long a context it was trained",
                    request.model.name);
    }
    return std::uint64_t{request.model.n_ctx_train} * std::max(request.context.sequences, 1U);
}

std::string longest_sentence(const Plan& plan, bool asked_for, std::uint64_t next_tokens,
                             const std::optional<Shortage>& next) {
    if (!next) {
        return fmt::format("{} tokens, the longest context {}, fits.", plan.context.tokens.value(),
                           asked_for ? "asked for" : "that the model was trained for");
    }
    return fmt::format("{} tokens is the longest context that fits; {} tokens miss {}{} on {}.",
                       plan.context.tokens.value(), next_tokens, certainty(*next),
                       to_string(next->missing), plan.devices[next->device].name);
}

}  // namespace

Result<Plan> fit_context(const PlanRequest& request, const DryRun& dry_run) {
    HEXCORE_TRY(most, most_tokens(request));
    HEXCORE_TRY(whole, completed(request));
    Trials trials(dry_run);
    const std::uint64_t step = context_step(whole.context);
    const auto with_steps = [&](std::uint64_t steps) {
        PlanRequest probe = whole;
        probe.context.tokens = TokenCount(static_cast<std::uint32_t>(steps * step));
        return probe;
    };
    const std::uint64_t ceiling = std::numeric_limits<std::uint32_t>::max() / step;
    std::uint64_t too_many = std::clamp<std::uint64_t>(most / step, 1, ceiling) + 1;
    std::uint64_t fitting = 0;
    std::optional<NotFitting> why;
    for (std::uint64_t steps = too_many - 1; too_many - fitting > 1;
         steps = fitting + (too_many - fitting) / 2) {
        HEXCORE_TRY(probe, run_rounds(with_steps(steps), trials, Rounds::probe));
        if (probe) {
            fitting = steps;
        } else {
            too_many = steps;
            why = probe.error();
        }
    }
    HEXCORE_TRY(plan, make_plan(with_steps(std::max<std::uint64_t>(fitting, 1)), dry_run));
    std::optional<Shortage> shortage;
    if (why) {
        HEXCORE_TRY(measured, measure_shortage(with_steps(too_many), trials, *why));
        shortage = measured;
    }
    const bool asked_for = request.context.tokens > TokenCount(0);
    plan.explanation.insert(plan.explanation.begin(),
                            longest_sentence(plan, asked_for, too_many * step, shortage));
    return plan;
}

}  // namespace hexcore
