// Why a plan is as it is, as sentences.

#include <algorithm>

#include "hexcore/base/duration.hpp"
#include "hexcore/plan/expert_cache.hpp"
#include "hexcore/plan/parking_limits.hpp"
#include "hexcore/plan/planning_rounds.hpp"

namespace hexcore {
namespace {

std::string percent(double part) { return fmt::format("{:.1f} %", 100 * part); }

std::string goal(const Plan& plan) {
    Bytes planned;
    Bytes budgets;
    const auto fuller = [](const PlannedDevice& a, const PlannedDevice& b) {
        return a.fill() < b.fill();
    };
    for (const PlannedDevice& device : plan.devices) {
        planned += device.planned.total();
        budgets += device.budget;
    }
    const auto fullest = std::max_element(plan.devices.begin(), plan.devices.end(), fuller);
    const auto emptiest = std::min_element(plan.devices.begin(), plan.devices.end(), fuller);
    const std::string fills = fmt::format(
        "all budgets together are {} full, {} the most with {} and {} the least with {}",
        percent(planned.as_double() / std::max(budgets.as_double(), 1.0)), fullest->name,
        percent(fullest->fill()), emptiest->name, percent(emptiest->fill()));
    switch (plan.policy) {
        case Policy::balanced:
            return "balanced fills every device evenly, to within one expert where that is "
                   "possible: " +
                   fills + ".";
        case Policy::fastest:
            return "fastest looks for the least modelled time of a token within the budgets: " +
                   fills + ".";
        case Policy::alternate:
            return "alternate keeps the first layer with experts whole and deals the experts of "
                   "every other layer out in turn, beginning with its home: " +
                   fills + ".";
        case Policy::layers:
            return "layers keeps every layer whole, with the highest fill as low as it can be: " +
                   fills + ".";
    }
    HEXCORE_CHECK(false, "unknown policy", static_cast<int>(plan.policy));
    return {};
}

std::string layer_ranges(const Plan& plan) {
    std::string ranges;
    const std::vector<DeviceId>& homes = plan.placement.layer_device;
    for (std::size_t from = 0; from < homes.size();) {
        std::size_t to = from;
        while (to < homes.size() && homes[to] == homes[from]) {
            ++to;
        }
        ranges += fmt::format("{}{} on {}", ranges.empty() ? "" : ", ",
                              to - from == 1 ? fmt::format("layer {}", from)
                                             : fmt::format("layers {} to {}", from, to - 1),
                              plan.devices[homes[from].value()].name);
        from = to;
    }
    std::string without;
    for (const PlannedDevice& device : plan.devices) {
        if (device.layers == 0) {
            without += (without.empty() ? "" : ", ") + device.name;
        }
    }
    return fmt::format(
        "Attention and KV cache: {}; the output is with the last layer{}.", ranges,
        without.empty() ? "" : fmt::format("; without layers of their own: {}", without));
}

std::string expert_spread(const Plan& plan) {
    std::uint32_t layers = 0;
    std::uint32_t away = 0;
    for (std::size_t l = 0; l < plan.placement.expert_device.size(); ++l) {
        const std::vector<DeviceId>& experts = plan.placement.expert_device[l];
        const DeviceId home = plan.placement.layer_device[l];
        layers += experts.empty() ? 0 : 1;
        away += std::any_of(experts.begin(), experts.end(),
                            [&](DeviceId device) { return device != home; })
                    ? 1
                    : 0;
    }
    if (layers == 0) {
        return "The model has no routed experts to place.";
    }
    return fmt::format("{} of {} layers with experts have some on another device.", away, layers);
}

/// What a token's time consists of.
std::string bottleneck(const ModelFacts& model, const std::vector<DeviceFacts>& devices,
                       const Placement& placement, double seconds) {
    ModelFacts without_experts = model;
    Placement homes_only = placement;
    for (std::size_t l = 0; l < model.layers.size(); ++l) {
        without_experts.layers[l].n_experts = 0;
        homes_only.expert_device[l].clear();
    }
    std::vector<DeviceFacts> near = devices;
    for (DeviceFacts& device : near) {
        device.hop_latency_s = 0;
    }
    const double reading = modelled_token_seconds(model, near, placement);
    const double attention = modelled_token_seconds(without_experts, near, homes_only);
    const double experts = reading - attention;
    const double hops = seconds - reading;
    const char* most = experts >= attention && experts >= hops ? "reading experts"
                       : attention >= hops ? "reading attention, dense weights and KV cache"
                                           : "hops between devices";
    const double whole = std::max(seconds, 1e-30);
    return fmt::format(
        "A token is modelled at {} ({:.1f} a second), most of it {}: experts {}, attention with "
        "dense weights and KV cache {}, hops {}.",
        duration_text(seconds), 1 / whole, most, percent(experts / whole),
        percent(attention / whole), percent(hops / whole));
}

std::string against_others(const Plan& plan) {
    std::string times;
    for (const PolicyTime& time : plan.modelled) {
        times += fmt::format("{}{} {}", times.empty() ? "" : ", ", to_string(time.policy),
                             time.seconds ? duration_text(*time.seconds) : "does not fit");
    }
    return fmt::format("Modelled time of a token by policy: {}.", times);
}

std::string speeds(const std::vector<DeviceFacts>& devices) {
    std::string typical;
    for (const DeviceFacts& device : devices) {
        if (device.speed_source == SpeedSource::typical) {
            typical += (typical.empty() ? "" : ", ") + device.name;
        }
    }
    return typical.empty()
               ? "The speeds of all devices were measured."
               : fmt::format("Speeds are typical values, not measured, for {}.", typical);
}

/// What holds for devices that are main memory, because they are all on one machine.
std::vector<std::string> main_memory_sentences(const PlanRequest& request, const Plan& plan) {
    std::vector<std::string> sentences;
    const Bytes planned = main_memory_of(plan);
    std::string names;
    std::size_t count = 0;
    for (std::size_t d = 0; d < plan.devices.size(); ++d) {
        if (request.devices[d].kind == DeviceKind::host) {
            names += (count++ == 0 ? "" : ", ") + plan.devices[d].name;
        }
    }
    if (count > 1) {
        sentences.push_back(fmt::format(
            "Times are modelled for devices side by side; {} share one machine's cores and memory "
            "bandwidth, so that running them takes longer.",
            names));
    }
    if (count > 0 && request.main_memory > Bytes{} && planned > request.main_memory) {
        sentences.push_back(fmt::format(
            "{} of main memory are planned and there are {} here, so that this machine refuses to "
            "run it.",
            to_string(planned), to_string(request.main_memory)));
    }
    return sentences;
}

/// Whether a placement fits even if all compute buffers are twice as large as the known ones.
bool has_room(const PlanRequest& request, const FittingPlan& fitting, const Placement& placement) {
    std::vector<DeviceFacts> devices = fitting.devices;
    for (DeviceFacts& device : devices) {
        device.compute *= 2;
        device.compute_output *= 2;
    }
    return !furthest_over(draft_plan(request, fitting.model, devices, placement));
}

/// The modelled time of a token by another policy than the plan's; nothing where that does not fit.
Result<std::optional<double>> seconds_by(Policy policy, const PlanRequest& request,
                                         const FittingPlan& fitting, Trials& trials) {
    const auto seconds = [&](const Placement& placement) {
        return std::optional(modelled_token_seconds(fitting.model, fitting.devices, placement));
    };
    const auto likely = place(fitting.model, fitting.devices, policy, request.options);
    if (likely && (!trials.exact() || has_room(request, fitting, *likely))) {
        return seconds(*likely);
    }
    PlanRequest other = request;
    other.policy = policy;
    HEXCORE_TRY(found, run_rounds(other, trials, Rounds::probe));
    return found ? seconds(found->plan.placement) : std::nullopt;
}

}  // namespace

Result<void> explain(const PlanRequest& request, const FittingPlan& fitting, Trials& trials,
                     Plan& plan) {
    const ModelFacts& model = fitting.model;
    const std::vector<DeviceFacts>& devices = fitting.devices;
    const double seconds = modelled_token_seconds(model, devices, plan.placement);
    plan.modelled.clear();
    for (const Policy policy :
         {Policy::balanced, Policy::fastest, Policy::alternate, Policy::layers}) {
        PolicyTime time{policy, seconds};
        if (policy != plan.policy) {
            HEXCORE_TRY(other, seconds_by(policy, request, fitting, trials));
            time.seconds = other;
        }
        plan.modelled.push_back(time);
    }
    plan.explanation = {goal(plan),           layer_ranges(plan),
                        expert_spread(plan),  bottleneck(model, devices, plan.placement, seconds),
                        against_others(plan), speeds(devices)};
    if (request.expert_cache > Bytes()) {
        plan.explanation.push_back(expert_cache_sentence(request.model, plan));
    }
    for (std::string& sentence : main_memory_sentences(request, plan)) {
        plan.explanation.push_back(std::move(sentence));
    }
    plan.explanation.push_back(
        fmt::format("The token embedding ({}) stays in host memory.", to_string(model.input)));
    if (plan.host.staging > Bytes()) {
        plan.explanation.push_back(
            fmt::format("The {} of staging in host memory are taken only while the model loads.",
                        to_string(plan.host.staging)));
    }
    plan.explanation.push_back(
        plan.basis == Basis::dry_run
            ? "All sizes are exact: libllama's own simulated load of the file."
            : "KV cache and compute buffers are estimates by formula; a dry "
              "run over the model file makes them exact.");
    return {};
}

}  // namespace hexcore
