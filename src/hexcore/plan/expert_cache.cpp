#include "hexcore/plan/expert_cache.hpp"

#include <algorithm>
#include <limits>

#include "hexcore/plan/make_plan.hpp"

namespace hexcore {
namespace {

template <typename Device>
bool has_kind(const std::vector<Device>& devices, DeviceKind kind) {
    return std::any_of(devices.begin(), devices.end(),
                       [kind](const Device& device) { return device.kind == kind; });
}

std::uint32_t slots_in(Bytes size, Bytes slot) {
    constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
    const std::uint64_t bytes = slot.count();
    return bytes == 0 ? 0 : static_cast<std::uint32_t>(std::min(most, size.count() / bytes));
}

std::string held_by_each(const Plan& plan) {
    std::string text;
    for (std::size_t d = 0; d < plan.devices.size(); ++d) {
        const PlannedDevice& device = plan.devices[d];
        if (device.expert_cache_slots > 0) {
            text += fmt::format("{}{} of {} on {}", text.empty() ? "" : ", ",
                                device.expert_cache_slots, cacheable_experts(plan, d), device.name);
        }
    }
    return text;
}

}  // namespace

ExpertCacheStats& ExpertCacheStats::operator+=(const ExpertCacheStats& other) {
    slots += other.slots;
    lookups += other.lookups;
    hits += other.hits;
    uploads += other.uploads;
    bytes += other.bytes;
    return *this;
}

Bytes expert_slot_size(const ModelProfile& model) {
    Bytes largest;
    for (const LayerProfile& layer : model.layers) {
        largest = std::max(largest, layer.expert_slot);
    }
    return largest;
}

bool can_cache_experts(const PlanRequest& request) {
    return request.expert_cache > Bytes() && has_kind(request.devices, DeviceKind::cuda) &&
           has_kind(request.devices, DeviceKind::host) && expert_slot_size(request.model) > Bytes();
}

Result<void> check_expert_cache(const PlanRequest& request) {
    const Bytes slot = expert_slot_size(request.model);
    if (!can_cache_experts(request) || request.expert_cache >= slot) {
        return {};
    }
    return fail(ErrorCode::usage,
                {{.change = Change::set_expert_cache,
                  .value = fmt::format("{}KiB", round_up(slot, 1_KiB).count() / (1_KiB).count())}},
                "an expert cache of {} bytes holds no expert: one of {} takes up to {} ({} bytes)",
                request.expert_cache.count(), request.model.name, to_string(slot), slot.count());
}

std::uint32_t expert_cache_slots(const PlanRequest& request) {
    return can_cache_experts(request)
               ? slots_in(request.expert_cache, expert_slot_size(request.model))
               : 0;
}

std::uint64_t cacheable_experts(const Plan& plan, std::size_t home) {
    std::uint64_t count = 0;
    if (plan.devices[home].kind != DeviceKind::cuda) {
        return count;
    }
    for (std::size_t l = 0; l < plan.placement.layer_device.size(); ++l) {
        if (plan.placement.layer_device[l].value() != home) {
            continue;
        }
        for (const DeviceId device : plan.placement.expert_device[l]) {
            count += plan.devices[device.value()].kind == DeviceKind::host ? 1 : 0;
        }
    }
    return count;
}

std::uint64_t cacheable_experts(const Plan& plan) {
    std::uint64_t count = 0;
    for (std::size_t d = 0; d < plan.devices.size(); ++d) {
        count += cacheable_experts(plan, d);
    }
    return count;
}

void fit_expert_caches(const ModelProfile& model, Plan& plan) {
    const Bytes slot = expert_slot_size(model);
    for (std::size_t d = 0; d < plan.devices.size(); ++d) {
        PlannedDevice& device = plan.devices[d];
        const std::uint64_t wanted = cacheable_experts(plan, d);
        const std::uint32_t slots = slots_in(device.planned.expert_cache, slot);
        device.expert_cache_slots =
            static_cast<std::uint32_t>(std::min<std::uint64_t>(slots, wanted));
        device.planned.expert_cache = slot * device.expert_cache_slots;
    }
}

std::optional<std::string> no_expert_cache(const ModelProfile& model, const Plan& plan) {
    const auto none = [](const char* why) {
        return fmt::format("No expert cache is planned, and no memory is taken for one: {}.", why);
    };
    if (expert_slot_size(model) == Bytes()) {
        return none("the model has no routed experts");
    }
    if (!has_kind(plan.devices, DeviceKind::cuda)) {
        return none("there is no GPU among the devices to copy experts to");
    }
    if (cacheable_experts(plan) == 0) {
        return none("no layer that is at home on a GPU has experts in main memory");
    }
    if (held_by_each(plan).empty()) {
        return none("beside it no layer has room on a GPU, but a smaller one may do");
    }
    return std::nullopt;
}

std::string expert_cache_sentence(const ModelProfile& model, const Plan& plan) {
    if (auto none = no_expert_cache(model, plan)) {
        return *std::move(none);
    }
    return fmt::format(
        "Of the experts in main memory of layers that are at home on a GPU, the expert cache has "
        "room for {}, as copies for decoding single tokens; modelled times do not count it.",
        held_by_each(plan));
}

}  // namespace hexcore
