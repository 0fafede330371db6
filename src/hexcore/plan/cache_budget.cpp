// The longest context whose cache takes at most so many bytes.
//
// A cache grows by the same bytes with each step of tokens, once its windows are full; so the line
// through two sizes that were tried out leads to the answer, or next to it.

#include "hexcore/plan/cache_budget.hpp"

#include <algorithm>

#include "hexcore/plan/draft.hpp"
#include "hexcore/plan/kv_cache.hpp"
#include "hexcore/plan/limits.hpp"
#include "hexcore/plan/planning_rounds.hpp"

namespace hexcore {
namespace {

class CacheSizes {
public:
    CacheSizes(PlanRequest request, const DryRun& dry_run)
        : request_(std::move(request)), dry_run_(dry_run), step_(context_step(request_.context)) {}

    [[nodiscard]] std::uint64_t step() const { return step_; }

    /// By formula.
    [[nodiscard]] Bytes estimated(std::uint64_t steps) const {
        Bytes sum;
        for (const LayerFacts& layer : facts_for(request_.model, context_of(steps)).layers) {
            sum += layer.kv;
        }
        return sum;
    }

    /// Where a cache lies does not change what it takes, so all is tried out on one device.
    [[nodiscard]] Result<Bytes> taken(std::uint64_t steps) const {
        if (!dry_run_) {
            return estimated(steps);
        }
        PlanRequest request = request_;
        request.context = context_of(steps);
        const ModelFacts model = facts_for(request.model, request.context);
        Placement placement;
        for (const LayerFacts& layer : model.layers) {
            placement.layer_device.emplace_back(0);
            placement.expert_device.emplace_back(layer.n_experts, DeviceId(0));
        }
        Plan plan = draft_plan(request, model, request.devices, std::move(placement));
        HEXCORE_TRY(usage, dry_run_(plan));
        take_over(usage, plan);
        return cache_bytes_of(plan);
    }

private:
    [[nodiscard]] ContextShape context_of(std::uint64_t steps) const {
        ContextShape context = request_.context;
        context.tokens = TokenCount(static_cast<std::uint32_t>(steps * step_));
        return padded(context);
    }

    PlanRequest request_;
    const DryRun& dry_run_;
    std::uint64_t step_;
};

/// A number of steps of context, and what its cache takes.
struct Tried {
    std::uint64_t steps = 0;
    Bytes bytes;
};

/// Where the line through both reaches the budget.
std::uint64_t on_line(const Tried& a, const Tried& b, Bytes budget) {
    if (a.steps == b.steps || a.bytes == b.bytes) {
        return b.steps;
    }
    const double slope = (b.bytes.as_double() - a.bytes.as_double()) /
                         (static_cast<double>(b.steps) - static_cast<double>(a.steps));
    const double steps =
        static_cast<double>(a.steps) + (budget.as_double() - a.bytes.as_double()) / slope;
    constexpr double most = 1e15;
    return static_cast<std::uint64_t>(std::clamp(steps, 0.0, most));
}

std::uint64_t most_steps(const CacheSizes& sizes, const PlanRequest& request, Bytes budget) {
    const std::uint64_t all = std::max<std::uint64_t>(max_context_tokens / sizes.step(), 1);
    if (sizes.estimated(all) > budget) {
        return all;
    }
    const std::uint64_t trained =
        request.model.n_ctx_train > 0 ? request.model.n_ctx_train : default_context_tokens;
    const std::uint64_t tokens = trained * request.context.sequences;
    return std::clamp<std::uint64_t>((tokens + sizes.step() - 1) / sizes.step(), 1, all);
}

std::uint64_t first_guess(const CacheSizes& sizes, std::uint64_t most, Bytes budget) {
    std::uint64_t fits = 1;
    for (std::uint64_t too_many = most + 1; too_many - fits > 1;) {
        const std::uint64_t middle = fits + (too_many - fits) / 2;
        (sizes.estimated(middle) <= budget ? fits : too_many) = middle;
    }
    return fits;
}

tl::unexpected<Error> too_small(const PlanRequest& request, Bytes budget, const Tried& least,
                                std::uint64_t step) {
    const std::uint64_t enough = round_up(least.bytes, 1_MiB).count() / (1_MiB).count();
    std::vector<Remedy> remedies = {
        {.change = Change::set_cache_budget, .value = fmt::format("{}MiB", enough)}};
    if (request.context.sequences > 1) {
        remedies.push_back({.change = Change::lower_sequences});
    }
    return fail(ErrorCode::does_not_fit, std::move(remedies),
                "a KV cache of {} ({} bytes) has room for no context: the shortest, {} tokens ({} "
                "for each sequence), takes {} ({} bytes) in {}",
                to_string(budget), budget.count(), step, step / request.context.sequences,
                to_string(least.bytes), least.bytes.count(), to_string(request.context.kv_type));
}

}  // namespace

Bytes cache_bytes_of(const Plan& plan) {
    Bytes sum = plan.host.kv + plan.host.recurrent;
    for (const PlannedDevice& device : plan.devices) {
        sum += device.planned.kv + device.planned.recurrent;
    }
    return sum;
}

Result<BudgetedContext> longest_within(const PlanRequest& request, Bytes budget,
                                       const DryRun& dry_run) {
    HEXCORE_TRY(whole, completed(request));
    const CacheSizes sizes(whole, dry_run);
    const std::uint64_t most = most_steps(sizes, whole, budget);
    Tried fits;
    std::optional<Tried> too_many;
    std::uint64_t next = first_guess(sizes, most, budget);
    for (int tries = 0;; ++tries) {
        HEXCORE_TRY(bytes, sizes.taken(next));
        const Tried now{next, bytes};
        const Tried before = too_many && fits.steps > 0 ? (bytes > budget ? fits : *too_many)
                             : too_many                 ? *too_many
                                                        : fits;
        (bytes > budget ? too_many.emplace() : fits) = now;
        const std::uint64_t end = too_many ? too_many->steps : most + 1;
        if (end - fits.steps <= 1) {
            break;
        }
        constexpr int by_line = 8;
        next = tries < by_line ? on_line(before, now, budget) : fits.steps + (end - fits.steps) / 2;
        next = std::clamp(next, fits.steps + 1, end - 1);
    }
    if (fits.steps == 0) {
        return too_small(whole, budget, *too_many, sizes.step());
    }
    const std::uint64_t tokens = fits.steps * sizes.step();
    return BudgetedContext{
        .tokens = TokenCount(static_cast<std::uint32_t>(tokens)),
        .sentence = fmt::format(
            "A KV cache of at most {} has room for {} tokens, which take {}{}.", to_string(budget),
            tokens, to_string(fits.bytes),
            too_many ? fmt::format("; {} tokens would take {}", too_many->steps * sizes.step(),
                                   to_string(too_many->bytes))
                     : "; no longer context is considered")};
}

}  // namespace hexcore
