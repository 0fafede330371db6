#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "hexcore/device/devices_info.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {

/// The machine's memory for a person: the host, each GPU, and under it who holds how much of it.
[[nodiscard]] std::string devices_table(const DevicesInfo& devices, TextStyle style = {});

/// What was just measured of them, a line for each.
[[nodiscard]] std::string measured_devices_table(const MeasuredDevices& devices,
                                                 TextStyle style = {});

/// The machine's memory as a "hexcore.devices/1" document (docs/formats/devices.md). json_text()
/// makes it text.
[[nodiscard]] nlohmann::ordered_json devices_json(const DevicesInfo& devices);

}  // namespace hexcore
