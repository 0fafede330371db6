#pragma once

#include <chrono>
#include <string>

#include "hexcore/isolate/schedule.hpp"
#include "hexcore/isolate/test_results.hpp"

namespace hexcore {

// What is said where memory is missing; `holders` are those who have most, or nobody is known.

struct RoomFacts {
    const TestMachine& machine;
    TestNeed free;  ///< at the last look, and reserved by nobody
    std::chrono::milliseconds patience;
    std::string holders;
    std::string reserved = {};    ///< by whom, and not taken yet: a clause
    std::string unreturned = {};  ///< as RoomReading has it
};
/// Why a test never ran: `needs 8 GiB, and there were 2 GiB for 2 min`.
[[nodiscard]] std::string refusal_text(const Schedule::Refusal& refusal, const RoomFacts& facts);
/// Of one that begins to wait.
[[nodiscard]] std::string waits_text(const std::string& test, const RoomFacts& facts);
/// Where ending tests would not help.
[[nodiscard]] std::string short_text(Bytes left, const std::string& holders);

}  // namespace hexcore
