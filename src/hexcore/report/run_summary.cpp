#include "hexcore/report/run_summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "hexcore/base/duration.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {
namespace {

/// "287 of 320 MiB", or "940 KiB of 1.5 MiB" where the units differ.
std::string part_of(Bytes part, Bytes whole) {
    std::string part_text = to_string(part);
    const std::string whole_text = to_string(whole);
    const std::string unit = whole_text.substr(whole_text.find(' '));
    if (part_text.ends_with(unit)) {
        part_text.erase(part_text.size() - unit.size());
    }
    return part_text + " of " + whole_text;
}

struct Held {
    std::string_view device;
    Bytes bytes;
    Bytes budget;
};

std::string list_of(const std::vector<Held>& devices) {
    constexpr std::size_t most_listed = 3;
    Bytes bytes;
    Bytes budgets;
    std::string list;
    for (const Held& held : devices) {
        bytes += held.bytes;
        budgets += held.budget;
        list += fmt::format("{}{} {}", list.empty() ? "" : ", ", printable(held.device),
                            part_of(held.bytes, held.budget));
    }
    return devices.size() <= most_listed
               ? list
               : fmt::format("{} devices {} together", devices.size(), part_of(bytes, budgets));
}

std::string held(const RunReport& report) {
    std::vector<Held> devices;
    for (const RunDevice& device : report.devices) {
        devices.push_back({device.name, device.accounted.total(), device.budget});
    }
    return list_of(devices);
}

/// What the devices hold otherwise than planned, refused, or kept after unloading; empty as a rule.
std::string deviations(const RunReport& report) {
    std::string text;
    for (const RunDevice& device : report.devices) {
        const Bytes planned = device.planned.total();
        const Bytes accounted = device.accounted.total();
        if (planned != accounted) {
            text += fmt::format(
                "; {} holds {} bytes {} than planned", printable(device.name),
                std::max(planned, accounted).count() - std::min(planned, accounted).count(),
                accounted > planned ? "more" : "less");
        }
        if (device.refused > 0) {
            text += fmt::format("; {} refused {}", printable(device.name),
                                plural(device.refused, "allocation"));
        }
    }
    for (const DeviceAfterUnload& device : report.after_unload) {
        if (device.accounted > Bytes{}) {
            text += fmt::format("; {} keeps {} bytes after unloading", printable(device.name),
                                device.accounted.count());
        }
    }
    return text;
}

}  // namespace

std::string run_summary(const RunReport& report) {
    const bool as_planned = std::all_of(
        report.devices.begin(), report.devices.end(),
        [](const RunDevice& device) { return device.planned.total() == device.accounted.total(); });
    std::string text =
        fmt::format("{}{}{}; loaded in {}", held(report), as_planned ? " as planned" : "",
                    deviations(report), duration_text(report.timing.load_ms / 1e3));
    if (report.generated_tokens.value() > 0) {
        text += "; " + plural(report.generated_tokens.value(), "token");
    }
    // A single token comes with the prompt: there is no rate to tell.
    if (report.timing.decode_tokens_per_s > 0) {
        text += fmt::format(" at {} tokens/s", rate_text(report.timing.decode_tokens_per_s));
    }
    if (const auto cache = report.expert_cache(); cache && cache->lookups > 0) {
        text += fmt::format("; {:.0f} % of experts in the expert cache", 100 * cache->hit_rate());
    }
    if (report.stop == StopReason::context_full) {
        text += "; the context is full";
    }
    return text;
}

std::string plan_summary(const Plan& plan) {
    std::vector<Held> devices;
    for (const PlannedDevice& device : plan.devices) {
        devices.push_back({device.name, device.planned.total(), device.budget});
    }
    const std::uint64_t tokens = plan.context.tokens.value() / plan.context.sequences;
    return fmt::format("{} on {}; a context of {} tokens", printable(plan.model_name),
                       list_of(devices), tokens);
}

}  // namespace hexcore
