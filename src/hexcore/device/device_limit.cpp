#include "hexcore/device/device_limit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "hexcore/base/whole_number.hpp"

namespace hexcore {

std::string device_limits_text(const std::vector<DeviceLimit>& limits) {
    std::string text;
    for (const DeviceLimit& limit : limits) {
        text += fmt::format("{}{}={}", text.empty() ? "" : ",", limit.device, limit.limit.count());
    }
    return text;
}

Result<std::vector<DeviceLimit>> parse_device_limits(std::string_view text) {
    std::vector<DeviceLimit> limits;
    while (!text.empty()) {
        const std::string_view entry = text.substr(0, text.find(','));
        const std::size_t equals = entry.find('=');
        const auto bytes = equals == std::string_view::npos
                               ? std::nullopt
                               : whole_number(entry.substr(equals + 1));
        if (!bytes || equals == 0) {
            return fail(ErrorCode::usage,
                        "{}: '{}' is not of the form NAME=BYTES; it is set by what limits a "
                        "program's devices",
                        device_limits_variable, entry);
        }
        limits.push_back({std::string(entry.substr(0, equals)), Bytes(*bytes)});
        text.remove_prefix(std::min(entry.size() + 1, text.size()));
    }
    return limits;
}

Result<std::vector<DeviceLimit>> own_device_limits() {
    const char* text = std::getenv(device_limits_variable);
    return parse_device_limits(text != nullptr ? text : "");
}

std::optional<Bytes> limit_of(const std::vector<DeviceLimit>& limits, std::string_view device) {
    const auto found = std::find_if(limits.begin(), limits.end(), [&](const DeviceLimit& limit) {
        return limit.device == device;
    });
    return found == limits.end() ? std::nullopt : std::optional(found->limit);
}

}  // namespace hexcore
