#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/device/device_spec.hpp"
#include "hexcore/plan/plan.hpp"

namespace hexcore {

/// What the plugin was asked for. A program that loads it has no options of ours, so all of it
/// comes from the environment.
struct PluginSettings {
    std::vector<DeviceSpec> devices;
    std::optional<Plan> plan;  ///< HEXCORE_PLAN
    std::string report_path;   ///< HEXCORE_REPORT; empty: no report
};

/// The value of an environment variable; empty where it is not set.
using Environment = std::function<std::string(const char* name)>;

/// Reads HEXCORE_DEVICES (`320MiB,cuda:0=16GiB`, as --device takes them), HEXCORE_RESERVE,
/// HEXCORE_PLAN and HEXCORE_REPORT, for the machine at hand. A plan brings its own devices; where
/// both are given, they must be the same. Makes the report's file, so that one that cannot be
/// written is known before and not after hours of work. Errors: those of find_devices(), usage
/// (no devices, more than a plan can have, devices that are not the plan's), bad_input (a file that
/// cannot be read or written, or is no plan).
[[nodiscard]] Result<PluginSettings> read_settings(const Environment& environment,
                                                   const MachineMemory& machine);

}  // namespace hexcore
