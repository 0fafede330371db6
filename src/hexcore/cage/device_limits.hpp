#pragma once

#include <string>
#include <vector>

#include "hexcore/cage/limits.hpp"

namespace hexcore {

/// The variable by which programs with Hexcore know what they get of devices at most
/// (docs/formats/cage.md): `host0=335544320,cuda:0=...`, in bytes.
inline constexpr const char* device_limits_variable = "HEXCORE_DEVICE_LIMITS";
[[nodiscard]] std::string device_limits_text(const std::vector<DeviceLimit>& limits);

}  // namespace hexcore
