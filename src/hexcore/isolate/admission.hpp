#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "hexcore/isolate/machine_room.hpp"
#include "hexcore/isolate/room_words.hpp"
#include "hexcore/isolate/run_claims.hpp"
#include "hexcore/isolate/run_events.hpp"
#include "hexcore/isolate/schedule.hpp"
#include "hexcore/isolate/shortage.hpp"

namespace hexcore {

/// What is left for tests that are to begin, beside those of the run and what others on the machine
/// have reserved; and that others know it before one begins: two runs that look at the same time
/// must not both count on what they see.
class Admission {
public:
    using Time = std::chrono::nanoseconds;

    struct Parts {
        Schedule& schedule;
        MachineRoom& room;
        RunClaims* claims = nullptr;  ///< null: others are not told, nor heard
        RunEvents& events;
        const RunningJobs& running;
    };
    explicit Admission(const Parts& parts) : parts_(parts) {}

    [[nodiscard]] Room room(const RoomReading& reading, Time now);
    /// Whether it may begin; else others were faster.
    [[nodiscard]] bool is_covered(const Schedule::Start& start);
    /// After a decision. Where nothing of ours runs, and others have what is missing, it is a
    /// question of whose turn it is: `test` needs least of those that wait. True: it is ours.
    [[nodiscard]] bool settle(const std::optional<std::string>& test,
                              const Schedule::Decision& decision, Time now);
    /// When to look again, though nothing has changed here.
    [[nodiscard]] std::optional<Time> next_look() const;

    [[nodiscard]] RoomFacts facts(const TestMachine& machine, const RoomReading& reading,
                                  std::chrono::milliseconds patience) const;
    /// What others have, for whoever asks.
    void tell_others() const;

private:
    Parts parts_;
    std::uint32_t slots_ = 1;  ///< that others leave
};

}  // namespace hexcore
