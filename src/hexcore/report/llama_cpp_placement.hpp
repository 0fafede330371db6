#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hexcore/plan/plan.hpp"

namespace hexcore {

/// A device under the names that llama.cpp's options have for it.
struct LlamaCppDevice {
    std::string name;      ///< for --device; empty for host memory
    std::string buffer;    ///< for --override-tensor
    std::string endpoint;  ///< for --rpc; empty unless it is an RPC server
};

/// The plan in whole tensors: what llama.cpp's options can say.
struct LlamaCppPlacement {
    std::vector<LlamaCppDevice> devices;      ///< one for each device of the plan
    std::uint32_t leading_host_layers = 0;    ///< left out of --gpu-layers, KV cache included
    std::vector<DeviceId> layer_device;       ///< [layer]; as the plan's
    std::vector<DeviceId> layer_experts;      ///< [layer]: where all experts of the layer go
    std::vector<std::uint32_t> tensor_split;  ///< layers and output of each device of --device
    std::vector<std::size_t> misplaced;       ///< [device]: planned experts that go elsewhere
    std::vector<std::size_t> extra;           ///< [device]: experts that come without being planned

    [[nodiscard]] bool is_host(DeviceId device) const {
        return devices[device.value()].name.empty();
    }
};

/// Rounds the plan to whole tensors. Host layers after the first GPU layer count for that GPU in
/// tensor_split, because --gpu-layers only leaves out leading ones.
[[nodiscard]] LlamaCppPlacement round_to_tensors(const Plan& plan);

}  // namespace hexcore
