#include "hexcore/isolate/room_words.hpp"

#include <fmt/format.h>

#include "hexcore/base/duration.hpp"
#include "hexcore/base/printable.hpp"

namespace hexcore {
namespace {

std::string held_by(const std::string& holders) {
    return holders.empty() ? "" : "; most is held by " + holders;
}

/// Where more than main memory counts, all of it.
std::string need_text(const TestNeed& need) {
    std::string text = to_string(need.host);
    for (const DeviceLimit& device : need.devices) {
        text += fmt::format(" and {} of {}", to_string(device.limit), printable(device.device));
    }
    return text;
}

}  // namespace

std::string waited_text(const TestNeed& need, const TestNeed& free,
                        std::chrono::milliseconds patience, const std::string& holders) {
    return fmt::format("needs {}, and there were {} for {}{}", need_text(need), need_text(free),
                       long_duration_text(static_cast<double>(patience.count()) / 1e3),
                       held_by(holders));
}

std::string waits_text(const std::string& test, const TestNeed& free, const std::string& holders) {
    return fmt::format("{} waits for memory: there are {}{}", printable(test), need_text(free),
                       held_by(holders));
}

std::string short_text(Bytes left, const std::string& holders) {
    return fmt::format("memory is short ({} left), and tests have little of it{}", to_string(left),
                       held_by(holders));
}

std::string refusal_text(Schedule::Refusal::Why why) {
    switch (why) {
        case Schedule::Refusal::Why::no_room:
            return "there was no memory for it";
        case Schedule::Refusal::Why::setup_failed:
            return "what sets up its fixture failed";
        case Schedule::Refusal::Why::circle:
            return "it waits for itself, by way of others";
    }
    return "";
}

}  // namespace hexcore
