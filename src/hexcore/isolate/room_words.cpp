#include "hexcore/isolate/room_words.hpp"

#include <fmt/format.h>

#include "hexcore/base/duration.hpp"
#include "hexcore/base/printable.hpp"

namespace hexcore {
namespace {

std::string held_by(const std::string& holders, const std::string& reserved = {}) {
    return (holders.empty() ? "" : "; most is held by " + holders) +
           (reserved.empty() ? "" : "; " + reserved);
}

/// Where more than main memory counts, all of it.
std::string need_text(const TestNeed& need) {
    std::string text = to_string(need.host);
    for (const DeviceLimit& device : need.devices) {
        text += fmt::format(" and {} of {}", to_string(device.limit), printable(device.device));
    }
    return text;
}

std::string waited_text(const TestNeed& need, const RoomFacts& facts) {
    return fmt::format("needs {}, and there were {} for {}{}", need_text(need),
                       need_text(facts.free),
                       long_duration_text(static_cast<double>(facts.patience.count()) / 1e3),
                       held_by(facts.holders, facts.reserved));
}

std::string never_fits_text(const TestNeed& need, const TestMachine& machine) {
    TestNeed all{machine.memory};
    for (const DeviceLimit& device : need.devices) {
        all.devices.push_back({device.device, {}});
        for (const TestMachine::Device& there : machine.devices) {
            if (there.name == device.device) {
                all.devices.back().limit = there.total;
            }
        }
    }
    return fmt::format("declares {}, and there are {} in all", need_text(need), need_text(all));
}

}  // namespace

std::string waits_text(const std::string& test, const RoomFacts& facts) {
    if (!facts.unreturned.empty()) {
        return fmt::format("{} waits: {}", printable(test), facts.unreturned);
    }
    return fmt::format("{} waits for memory: there are {}{}", printable(test),
                       need_text(facts.free), held_by(facts.holders, facts.reserved));
}

std::string short_text(Bytes left, const std::string& holders) {
    return fmt::format("memory is short ({} left), and tests have little of it{}", to_string(left),
                       held_by(holders));
}

std::string refusal_text(const Schedule::Refusal& refusal, const RoomFacts& facts) {
    switch (refusal.why) {
        case Schedule::Refusal::Why::no_room:
            return waited_text(refusal.need, facts);
        case Schedule::Refusal::Why::not_sound:
            return fmt::format(
                "needs {}, and {}, for {}", need_text(refusal.need), facts.unreturned,
                long_duration_text(static_cast<double>(facts.patience.count()) / 1e3));
        case Schedule::Refusal::Why::never_fits:
            return never_fits_text(refusal.need, facts.machine);
        case Schedule::Refusal::Why::setup_failed:
            return "what sets up its fixture failed";
        case Schedule::Refusal::Why::circle:
            return "it waits for itself, by way of others";
    }
    return "";
}

}  // namespace hexcore
