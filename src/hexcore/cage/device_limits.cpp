#include "hexcore/cage/device_limits.hpp"

#include <fmt/format.h>

namespace hexcore {

std::string device_limits_text(const std::vector<DeviceLimit>& limits) {
    std::string text;
    for (const DeviceLimit& limit : limits) {
        text += fmt::format("{}{}={}", text.empty() ? "" : ",", limit.device, limit.limit.count());
    }
    return text;
}

}  // namespace hexcore
