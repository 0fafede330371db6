#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "hexcore/isolate/machine_room.hpp"
#include "hexcore/isolate/run_events.hpp"
#include "hexcore/isolate/running_job.hpp"

namespace hexcore {

using RunningJobs = std::vector<std::unique_ptr<RunningJob>>;

/// Processes of all that runs.
[[nodiscard]] std::vector<std::uint32_t> processes_of(const RunningJobs& running);

/// Ends what has most where memory is short, before the machine suffers.
class MemoryShortage {
public:
    MemoryShortage(MachineRoom& room, RunEvents& events) : room_(room), events_(events) {}

    void mind(const RoomReading& reading, const RunningJobs& running, std::chrono::nanoseconds now);

private:
    MachineRoom& room_;
    RunEvents& events_;
    bool said_short_ = false;
    bool said_unreturned_ = false;
};

}  // namespace hexcore
