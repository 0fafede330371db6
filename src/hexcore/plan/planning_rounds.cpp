// From a request to a plan that fits, by rounds of placing and trying out.
//
// What a device takes besides weights is an estimate until a dry run tells it, and depends on the
// placement. So planning goes on with what was told until something fits. Budgets that leave little
// room leave none for learning, either; so what would be planned with ample ones is tried, too.

#include "hexcore/plan/planning_rounds.hpp"

#include <algorithm>

#include "hexcore/plan/compute_estimate.hpp"
#include "hexcore/plan/expert_cache.hpp"

namespace hexcore {
namespace {

/// Times that a request is planned with better numbers, with its own budgets and with each kind of
/// ample ones.
constexpr std::uint32_t max_rounds = 4;

std::vector<std::uint32_t> slots_of(const Plan& plan) {
    std::vector<std::uint32_t> slots;
    for (const PlannedDevice& device : plan.devices) {
        slots.push_back(device.expert_cache_slots);
    }
    return slots;
}

bool same_context(const ContextShape& a, const ContextShape& b) {
    return a.tokens == b.tokens && a.sequences == b.sequences && a.kv_type == b.kv_type &&
           a.ubatch == b.ubatch && a.swa_full == b.swa_full;
}

/// The devices, with compute buffers estimated if none are given, and room for expert caches.
std::vector<DeviceFacts> with_buffers(const PlanRequest& request) {
    const ComputeEstimate estimate = estimate_compute(request.model, request.context);
    const Bytes cache = expert_slot_size(request.model) * expert_cache_slots(request);
    std::vector<DeviceFacts> devices = request.devices;
    for (DeviceFacts& device : devices) {
        device.expert_cache = device.kind == DeviceKind::cuda ? cache : Bytes();
        if (device.compute == Bytes() && device.compute_output == Bytes()) {
            device.compute = estimate.layers;
            device.compute_output = estimate.output;
        }
    }
    return devices;
}

/// Takes `less` off `from`, as far as there is something, and gives the rest.
Bytes take_off(Bytes& from, Bytes less) {
    const Bytes taken = std::min(from, less);
    from -= taken;
    return less - taken;
}

/// Adds what the dry run found above the plan to the devices' facts, or takes off what it found
/// below. What the output takes (logits, above all) is the same wherever it goes.
void correct(const Plan& made, const DryRunUsage& usage, std::vector<DeviceFacts>& devices) {
    const std::size_t output = made.placement.layer_device.back().value();
    for (std::size_t d = 0; d < devices.size(); ++d) {
        const Bytes planned = made.devices[d].planned.total();
        const Bytes exact = usage.devices[d].total();
        Bytes& adjusted = d == output                  ? devices[d].compute_output
                          : made.devices[d].layers > 0 ? devices[d].compute
                                                       : devices[d].staging;
        adjusted += saturating_subtract(exact, planned);
        const Bytes rest = take_off(adjusted, saturating_subtract(planned, exact));
        if (d == output) {
            (void)take_off(devices[d].compute, rest);
        }
    }
    for (DeviceFacts& device : devices) {
        device.compute_output = devices[output].compute_output;
    }
}

/// Compute buffers as if they took nothing, and each cache the least it can: a dry run of what then
/// fits tells their size, where an estimate that is too high would have ended the search.
void forget_estimates(std::vector<DeviceFacts>& devices, ModelFacts& model) {
    for (DeviceFacts& device : devices) {
        device.compute = Bytes();
        device.compute_output = Bytes();
    }
    for (LayerFacts& layer : model.layers) {
        layer.kv = layer.kv_least;
    }
}

/// Scales the KV caches of each device's layers to what the dry run found there: which layers have
/// a sliding window, or none at all, only libllama knows. `formula` has them as estimated first.
void correct_kv(const ModelFacts& formula, const DryRunUsage& usage, Plan& made,
                ModelFacts& model) {
    std::vector<Bytes> estimated(made.devices.size());
    for (std::size_t l = 0; l < model.layers.size(); ++l) {
        estimated[made.placement.layer_device[l].value()] += formula.layers[l].kv;
    }
    for (PlannedDevice& device : made.devices) {
        device.planned.kv = {};
    }
    for (std::size_t l = 0; l < model.layers.size(); ++l) {
        const std::size_t d = made.placement.layer_device[l].value();
        if (estimated[d] > Bytes()) {
            const double share = formula.layers[l].kv.as_double() / estimated[d].as_double();
            model.layers[l].kv =
                Bytes(static_cast<std::uint64_t>(usage.devices[d].kv.as_double() * share));
        }
        made.devices[d].planned.kv += model.layers[l].kv;
    }
}

/// Budgets with room for everything on each device: equal ones, and in the request's proportion.
std::vector<std::vector<DeviceFacts>> ample_budgets(const std::vector<DeviceFacts>& devices) {
    constexpr std::uint64_t times = 1024;
    Bytes largest = 1024_GiB;
    for (const DeviceFacts& device : devices) {
        largest = std::max(largest, device.budget);
    }
    std::vector<DeviceFacts> equal = devices;
    std::vector<DeviceFacts> in_proportion = devices;
    for (std::size_t d = 0; d < devices.size(); ++d) {
        equal[d].budget = largest * times;
        in_proportion[d].budget *= times;
    }
    return {std::move(equal), std::move(in_proportion)};
}

class PlanningRounds {
public:
    PlanningRounds(const PlanRequest& request, Trials& trials, Rounds rounds)
        : request_(request),
          trials_(trials),
          rounds_(rounds),
          formula_(facts_for(request.model, request.context)) {}

    Result<RoundsOutcome> run() {
        const std::vector<DeviceFacts> devices = with_buffers(request_);
        if (!trials_.exact()) {
            return by_estimates(devices);
        }
        HEXCORE_TRY_VOID(look(devices));
        if (rounds_ != Rounds::hasty && !impossible_) {
            for (const std::vector<DeviceFacts>& ample : ample_budgets(devices)) {
                if (!fitting_) {
                    HEXCORE_TRY_VOID(look(ample));
                }
            }
        }
        return fitting_ ? RoundsOutcome(*std::move(fitting_))
                        : RoundsOutcome(tl::unexpected(*why_));
    }

private:
    Result<RoundsOutcome> by_estimates(const std::vector<DeviceFacts>& devices) const {
        auto placement = place(formula_, devices, request_.policy, request_.options);
        if (!placement) {
            const Shortfall& shortfall = placement.error();
            return RoundsOutcome(
                tl::unexpected(NotFitting{shortfall.device.value(), shortfall.missing}));
        }
        return RoundsOutcome(FittingPlan{
            draft_plan(request_, formula_, devices, *std::move(placement)), devices, formula_});
    }

    /// Places within the budgets of `devices` and tries out, round by round, until the placement
    /// stays the same or there is none. What fits the request's own budgets becomes `fitting_`.
    Result<void> look(std::vector<DeviceFacts> devices) {
        ModelFacts model = formula_;
        std::optional<Placement> previous;
        for (std::uint32_t round = 0; round < max_rounds; ++round) {
            auto placement = place(model, devices, request_.policy, request_.options);
            if (!placement && round == 0) {
                forget_estimates(devices, model);
                placement = place(model, devices, request_.policy, request_.options);
                // The rule of `alternate` knows few ways to deal the layers; there may be others.
                impossible_ = !placement && request_.policy != Policy::alternate;
            }
            if (!placement) {
                note({placement.error().device.value(), placement.error().missing});
                return {};
            }
            if (previous == *placement) {
                return {};
            }
            previous = *placement;
            Plan plan = draft_plan(request_, model, devices, *std::move(placement));
            HEXCORE_TRY(usage, trials_.usage_of(plan));
            correct_kv(formula_, usage, plan, model);
            correct(plan, usage, devices);
            take_over(usage, plan);
            if (const std::optional<NotFitting> over = furthest_over(plan)) {
                note(*over);
                continue;
            }
            fitting_ = FittingPlan{std::move(plan), with_own_budgets(devices), model};
            if (rounds_ != Rounds::careful) {
                return {};
            }
        }
        return {};
    }

    /// Of all placements that were looked at, the one that is over by the least counts.
    void note(const NotFitting& why) {
        if (!why_ || why.missing < why_->missing) {
            why_ = why;
        }
    }

    std::vector<DeviceFacts> with_own_budgets(std::vector<DeviceFacts> devices) const {
        for (std::size_t d = 0; d < devices.size(); ++d) {
            devices[d].budget = request_.devices[d].budget;
        }
        return devices;
    }

    const PlanRequest& request_;
    Trials& trials_;
    Rounds rounds_;
    ModelFacts formula_;
    std::optional<FittingPlan> fitting_;
    std::optional<NotFitting> why_;
    bool impossible_ = false;
};

}  // namespace

Result<DryRunUsage> Trials::usage_of(const Plan& plan) {
    for (const Known& known : known_) {
        if (same_context(known.context, plan.context) && known.placement == plan.placement &&
            known.expert_cache_slots == slots_of(plan)) {
            return known.usage;
        }
    }
    HEXCORE_TRY(usage, dry_run_(plan));
    known_.push_back({plan.context, plan.placement, slots_of(plan), usage});
    return usage;
}

Result<RoundsOutcome> run_rounds(const PlanRequest& request, Trials& trials, Rounds rounds) {
    if (request.expert_cache > Bytes()) {
        // Where all experts fit without it, room for a cache would push some into main memory.
        PlanRequest without = request;
        without.expert_cache = {};
        HEXCORE_TRY(found, PlanningRounds(without, trials, rounds).run());
        if (!can_cache_experts(request) || (found && cacheable_experts(found->plan) == 0)) {
            return found;
        }
        HEXCORE_TRY(cached, PlanningRounds(request, trials, rounds).run());
        // Main memory may take all layers rather than leave the cache its room.
        return found && cached && cacheable_experts(cached->plan) == 0 ? found : cached;
    }
    return PlanningRounds(request, trials, rounds).run();
}

}  // namespace hexcore
