#pragma once

#include <string_view>

#include "hexcore/base/result.hpp"
#include "hexcore/isolate/test_case.hpp"

namespace hexcore {

/// Takes in what a tag of Catch2 or a label of CTest says to Hexcore: `memory:512MiB`,
/// `device:cuda:0=4GiB`, `timeout:60s` and `isolated`. Other tags say nothing here. Fails with
/// ErrorCode::usage for a size or a time that is none: a budget that is not kept would look like
/// one that is.
[[nodiscard]] Result<void> take_tag(TestCase& test, std::string_view tag);

/// The same of one budget or setting by its name: "memory", "device" (`cuda:0=4GiB`), "timeout".
[[nodiscard]] Result<void> take_setting(TestCase& test, std::string_view name,
                                        std::string_view value);

/// Reads `cuda:0=4GiB` or `host=320MiB`.
[[nodiscard]] Result<DeviceLimit> parse_device_limit(std::string_view text);

/// Sets the limit of a device, in place of one that is there.
void set_limit(TestBudget& budget, DeviceLimit limit);

}  // namespace hexcore
