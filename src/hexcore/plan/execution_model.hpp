#pragma once

#include <cstdint>
#include <vector>

#include "hexcore/plan/facts.hpp"

namespace hexcore {

/// The ways of computing a layer's experts. backend/execution/execution_strategy.cpp has what
/// computes in each of them.
enum class Execution {
    fused,   ///< in one run of the CPU kernels, for devices that are all main memory
    staged,  ///< on the device of each expert, to which activations go
};

/// What the planner knows of one: for which devices it is, what it can do, and what it costs
/// besides reading weights.
struct ExecutionModel {
    Execution way;
    const char* name;
    /// Whether it computes with a device of this kind.
    bool (*suits)(DeviceKind kind);
    /// Whether it computes an expert on another device than the one that stores it.
    bool computes_elsewhere = false;
    /// How often activations go to the furthest device with experts of a layer, or back.
    std::uint32_t hops_per_layer = 0;
    /// Seconds for the activations of a token to get from one device to another one.
    double (*hop_seconds)(const DeviceFacts& from, const DeviceFacts& to);
};

/// The first one that suits each of the devices, the best first; the last one suits all.
[[nodiscard]] const ExecutionModel& execution_for(const std::vector<DeviceFacts>& devices);
[[nodiscard]] const ExecutionModel& execution_for(const std::vector<DeviceSpec>& devices);

}  // namespace hexcore
