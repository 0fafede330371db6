#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "hexcore/isolate/machine_room.hpp"
#include "hexcore/isolate/run_events.hpp"
#include "hexcore/isolate/running_jobs.hpp"

namespace hexcore {

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
