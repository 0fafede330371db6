#pragma once

#include "hexcore/base/result.hpp"
#include "hexcore/device/device_spec.hpp"
#include "hexcore/device/measured_device.hpp"

namespace hexcore {

/// Measures the device behind `spec`, main memory or a GPU, by running one layer of a mixture on it
/// (ProbeLayer), which takes 1.2 GiB there for some seconds. `name` and `driver` go into the
/// result. Pools of main memory are none. Fails with ErrorCode::missing_device where there is no
/// such device, does_not_fit where the layer has no room.
[[nodiscard]] Result<MeasuredDevice> measure_device(const DeviceSpec& spec, std::string name,
                                                    std::string driver);

}  // namespace hexcore
