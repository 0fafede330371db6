#include "hexcore/report/plan_summary.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "hexcore/base/duration.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {

std::string plan_title(const Plan& plan) {
    return fmt::format("{} ({}), policy {}", printable(plan.model_name),
                       printable(plan.architecture), to_string(plan.policy));
}

std::string model_sentence(const Plan& plan) {
    if (!has_experts(plan)) {
        return fmt::format("{}, no routed experts; weights {}", plural(plan.n_layers, "layer"),
                           to_string(plan.total_bytes));
    }
    return fmt::format("{}, {} a layer, {} used for each token; weights {}, of them experts {}",
                       plural(plan.n_layers, "layer"), plural(plan.n_experts, "expert"),
                       plan.n_experts_used, to_string(plan.total_bytes),
                       to_string(plan.experts_bytes));
}

std::string context_sentence(const Plan& plan) {
    return fmt::format("{} in {}, {} KV cache{}, batches of up to {}",
                       plural(plan.context.tokens.value(), "token"),
                       plural(plan.context.sequences, "sequence"), to_string(plan.context.kv_type),
                       plan.context.swa_full ? " without windows" : "",
                       plural(plan.context.ubatch.value(), "token"));
}

std::string parking_sentence(const Plan& plan) {
    if (!plan.parking) {
        return "";
    }
    if (plan.parking->memory == Bytes()) {
        return "none: sessions that make room in the cache are computed again";
    }
    return fmt::format("up to {} of host memory{} for sessions that make room",
                       to_string(plan.parking->memory),
                       plan.parking->files == Bytes()
                           ? ""
                           : fmt::format(", then {} of files,", to_string(plan.parking->files)));
}

std::string basis_sentence(const Plan& plan) {
    if (plan.basis == Basis::dry_run) {
        return "planned by a dry run of the model file: exact to the byte";
    }
    return "planned by formulas from the model's shape: an estimate";
}

std::string times_sentence(const Plan& plan) {
    std::string text;
    for (const PolicyTime& time : plan.modelled) {
        text += fmt::format("{}{} {}{}", text.empty() ? "" : ", ", to_string(time.policy),
                            time.seconds ? duration_text(*time.seconds) : "does not fit",
                            time.policy == plan.policy ? " (this plan)" : "");
    }
    return text;
}

std::string layer_range(const Plan& plan, DeviceId device) {
    const auto& layers = plan.placement.layer_device;
    const auto first = std::find(layers.begin(), layers.end(), device);
    if (first == layers.end()) {
        return "none";
    }
    const auto last = std::find(layers.rbegin(), layers.rend(), device);
    const auto from = first - layers.begin();
    const auto to = layers.rend() - last - 1;
    return from == to ? fmt::format("{}", from) : fmt::format("{}-{}", from, to);
}

double experts_share(const Plan& plan, DeviceId device) {
    std::uint64_t all = 0;
    for (const PlannedDevice& each : plan.devices) {
        all += each.experts;
    }
    return all == 0 ? 0.0 : plan.devices[device.value()].experts / static_cast<double>(all);
}

double experts_ratio(const Plan& plan, DeviceId device) {
    std::uint32_t fewest = 0;
    for (const PlannedDevice& each : plan.devices) {
        if (each.experts > 0 && (fewest == 0 || each.experts < fewest)) {
            fewest = each.experts;
        }
    }
    return fewest == 0 ? 0.0 : plan.devices[device.value()].experts / static_cast<double>(fewest);
}

bool has_output(const Plan& plan, DeviceId device) {
    const auto& layers = plan.placement.layer_device;
    return !layers.empty() && layers.back() == device;
}

bool is_planned(const Plan& plan, Purpose purpose) {
    return plan.host[purpose] > Bytes{} ||
           std::ranges::any_of(plan.devices, [purpose](const PlannedDevice& device) {
               return device.planned[purpose] > Bytes{};
           });
}

std::string shown_name(Purpose purpose) {
    if (purpose == Purpose::kv) {
        return "KV cache";
    }
    return purpose == Purpose::expert_cache ? "expert cache" : to_string(purpose);
}

bool has_experts(const Plan& plan) {
    const auto& layers = plan.placement.expert_device;
    return std::any_of(layers.begin(), layers.end(),
                       [](const auto& experts) { return !experts.empty(); });
}

std::vector<std::uint32_t> count_by_device(const std::vector<DeviceId>& experts,
                                           std::size_t n_devices) {
    std::vector<std::uint32_t> counts(n_devices);
    for (const DeviceId device : experts) {
        HEXCORE_CHECK(device.value() < n_devices, device.value(), n_devices);
        ++counts[device.value()];
    }
    return counts;
}

DeviceId most_frequent(const std::vector<std::uint32_t>& counts) {
    const auto most = std::max_element(counts.begin(), counts.end());
    return DeviceId(static_cast<std::size_t>(most - counts.begin()));
}

}  // namespace hexcore
