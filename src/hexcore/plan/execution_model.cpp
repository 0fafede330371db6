#include "hexcore/plan/execution_model.hpp"

#include <algorithm>
#include <array>

namespace hexcore {
namespace {

double slower_link(const DeviceFacts& from, const DeviceFacts& to) {
    return std::max(from.hop_latency_s, to.hop_latency_s);
}

// The best one first. Both bring the activations there and the results back; a hop to a device in
// main memory stands for the rows that are sorted by device.
constexpr std::array models{
    ExecutionModel{
        .way = Execution::fused,
        .name = "fused",
        .suits = [](DeviceKind kind) { return kind == DeviceKind::host; },
        .hops_per_layer = 2,
        .hop_seconds = slower_link,
    },
    ExecutionModel{
        .way = Execution::staged,
        .name = "staged",
        .suits = [](DeviceKind) { return true; },
        .hops_per_layer = 2,
        .hop_seconds = slower_link,
    },
};

template <typename Device>
const ExecutionModel& first_for(const std::vector<Device>& devices) {
    return *std::find_if(models.begin(), models.end() - 1, [&](const ExecutionModel& model) {
        return std::all_of(devices.begin(), devices.end(),
                           [&](const Device& device) { return model.suits(device.kind); });
    });
}

}  // namespace

const ExecutionModel& execution_for(const std::vector<DeviceFacts>& devices) {
    return first_for(devices);
}

const ExecutionModel& execution_for(const std::vector<DeviceSpec>& devices) {
    return first_for(devices);
}

}  // namespace hexcore
