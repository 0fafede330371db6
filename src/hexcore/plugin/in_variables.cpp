#include "hexcore/plugin/in_variables.hpp"

#include <algorithm>

#include "hexcore/report/plan_plugin.hpp"

namespace hexcore {
namespace {

bool asks_for(const Error& error, Change change) {
    return std::any_of(error.remedies.begin(), error.remedies.end(),
                       [change](const Remedy& remedy) { return remedy.change == change; });
}

std::string layers_of(const Plan& plan) {
    const SplitOptions placed = split_options(plan);
    return fmt::format("-dev {} -ts {} and no -ngl", placed.devices, placed.split);
}

/// Whether all that was planned is there, and what is asked for is beside it: an adapter, a second
/// model or context.
bool is_complete(const Usage& planned, const Usage& held) {
    const Bytes planned_model = planned.weights + planned.experts;
    const Bytes model = held.weights + held.experts;
    return model > planned_model || held.adapters > planned.adapters ||
           (model == planned_model && held.kv == planned.kv && held.compute >= planned.compute);
}

/// What the plan was made for, in the options that decide on what comes next: libllama takes the
/// weights of all devices first, then the cache, then what it computes in.
std::string planned_options(const Plan& plan, const Usage& planned, const Usage& held) {
    if (held.weights + held.experts < planned.weights + planned.experts || planned.kv == Bytes{}) {
        return layers_of(plan);
    }
    const char* kv_type = to_string(plan.context.kv_type);
    const std::string context =
        fmt::format("-c {} -np {} -ctk {} -ctv {}", plan.context.tokens.value(),
                    plan.context.sequences, kv_type, kv_type);
    return held.kv == planned.kv ? fmt::format("{} -ub {}", context, plan.context.ubatch.value())
                                 : context;
}

}  // namespace

const char* in_variables(const Remedy& remedy) {
    switch (remedy.change) {
        case Change::raise_budget:
            return "give {device} more in HEXCORE_DEVICES";
        case Change::lower_reserve:
            return "lower HEXCORE_RESERVE";
        case Change::add_device:  // which would have to be planned for, or the program to use
            return "have fewer layers there by -ts";
        case Change::other_device:
            return "name another device in HEXCORE_DEVICES";
        case Change::host_device:
            return "name host=SIZE in HEXCORE_DEVICES";
        case Change::lower_context:
            return "lower the program's -c";
        case Change::give_plan:
            return "a plan is what `hexcore plan MODEL --plugin --format json` writes";
        case Change::measure_devices:
            return "measure again with `hexcore devices --measure`, or delete the file";
        case Change::build_for_llama:
            return "build Hexcore against the program's own llama.cpp (HEXCORE_LLAMA_SOURCE)";
        default:
            return nullptr;
    }
}

std::string told_refusal(const Error& why, const std::optional<Plan>& plan, DeviceId device,
                         const Usage& held) {
    if (!plan) {
        return told(why, in_variables);
    }
    const Usage& planned = plan->devices[device.value()].planned;
    if (why.refused && is_complete(planned, held)) {
        return fmt::format(
            "{}; the plan has no room for more than its model and context: plan again with a "
            "larger "
            "budget for {}",
            why.message, why.refused->device);
    }
    std::string options;
    if (asks_for(why, Change::start_as_planned)) {
        options = layers_of(*plan);
    } else if (why.refused) {
        options = planned_options(*plan, planned, held);
    } else {
        return told(why, in_variables);
    }
    return fmt::format("{}; the plan is for {}: start the program so, or plan again", why.message,
                       options);
}

}  // namespace hexcore
