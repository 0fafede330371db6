#include "hexcore/report/llama_cpp_placement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "hexcore/report/plan_summary.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {
namespace {

std::vector<LlamaCppDevice> name_devices(const Plan& plan) {
    std::vector<LlamaCppDevice> devices;
    std::size_t n_servers = 0;
    for (const PlannedDevice& device : plan.devices) {
        const std::string name = printable(device.name);
        switch (device.kind) {
            case DeviceKind::host:
                devices.push_back({"", "CPU", ""});
                break;
            case DeviceKind::cuda: {
                const std::string cuda = "CUDA" + name.substr(name.find(':') + 1);
                devices.push_back({cuda, cuda, ""});
                break;
            }
            case DeviceKind::rpc: {
                // ggml numbers RPC devices over all servers, but buffers within each server.
                const std::string endpoint = name.substr(name.find(':') + 1);
                devices.push_back({fmt::format("RPC{}", n_servers++),
                                   fmt::format("RPC0[{}]", endpoint), endpoint});
                break;
            }
        }
    }
    return devices;
}

/// The device's place in --device, or that of the last one before it.
void count_split(LlamaCppPlacement& placement) {
    std::vector<std::size_t> slot(placement.devices.size());
    std::size_t n_slots = 0;
    for (std::size_t d = 0; d < placement.devices.size(); ++d) {
        n_slots += placement.devices[d].name.empty() ? 0 : 1;
        slot[d] = n_slots == 0 ? 0 : n_slots - 1;
    }
    placement.tensor_split.assign(n_slots, 0);
    if (n_slots == 0) {
        return;
    }
    const auto& layers = placement.layer_device;
    for (std::size_t layer = placement.leading_host_layers; layer < layers.size(); ++layer) {
        ++placement.tensor_split[slot[layers[layer].value()]];
    }
    // The output counts as one more layer, after the last.
    ++placement.tensor_split[layers.empty() ? 0 : slot[layers.back().value()]];
}

}  // namespace

LlamaCppPlacement round_to_tensors(const Plan& plan) {
    LlamaCppPlacement placement;
    placement.devices = name_devices(plan);
    placement.layer_device = plan.placement.layer_device;
    placement.misplaced.assign(plan.devices.size(), 0);
    placement.extra.assign(plan.devices.size(), 0);
    const auto& layers = placement.layer_device;
    const auto first_gpu = std::find_if(layers.begin(), layers.end(),
                                        [&](DeviceId d) { return !placement.is_host(d); });
    placement.leading_host_layers = static_cast<std::uint32_t>(first_gpu - layers.begin());
    for (std::size_t layer = 0; layer < layers.size(); ++layer) {
        const std::vector<DeviceId>& experts = plan.placement.expert_device[layer];
        std::vector<std::uint32_t> counts = count_by_device(experts, plan.devices.size());
        const DeviceId most = most_frequent(counts);
        // A tie is no reason to move experts away from their layer.
        const std::uint32_t home = layers[layer].value();
        const bool stay = counts[home] == counts[most.value()];
        const DeviceId target = stay ? layers[layer] : most;
        placement.layer_experts.push_back(target);
        for (std::size_t d = 0; d < counts.size(); ++d) {
            if (d != target.value()) {
                placement.misplaced[d] += counts[d];
                placement.extra[target.value()] += counts[d];
            }
        }
    }
    count_split(placement);
    return placement;
}

}  // namespace hexcore
