#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {

/// The most that may be in use of a device.
struct DeviceLimit {
    std::string device;  ///< as `--device` names it: "host0", "cuda:0"
    Bytes limit;
};

/// The variable by which a program that runs within limits knows those of devices
/// (docs/formats/cage.md): `host0=335544320,cuda:0=4294967296`, in bytes.
inline constexpr const char* device_limits_variable = "HEXCORE_DEVICE_LIMITS";
[[nodiscard]] std::string device_limits_text(const std::vector<DeviceLimit>& limits);
/// Fails with ErrorCode::usage for what is no such text.
[[nodiscard]] Result<std::vector<DeviceLimit>> parse_device_limits(std::string_view text);
/// Those that this process runs within.
[[nodiscard]] Result<std::vector<DeviceLimit>> own_device_limits();

/// The limit of a device; nothing where it has none.
[[nodiscard]] std::optional<Bytes> limit_of(const std::vector<DeviceLimit>& limits,
                                            std::string_view device);

}  // namespace hexcore
