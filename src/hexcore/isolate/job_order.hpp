#pragma once

#include <cstddef>
#include <vector>

#include "hexcore/isolate/schedule.hpp"

namespace hexcore {

/// The order in which jobs are to be looked at: unknown ones first, in their order, then the one of
/// several rules that takes least on paper, where each job begins as soon as it fits.
[[nodiscard]] std::vector<std::size_t> order_of(const std::vector<ScheduledJob>& jobs,
                                                const ScheduleOptions& options);

/// Seconds that a job is expected to take; 1 where nobody knows.
[[nodiscard]] inline double expected_seconds(const ScheduledJob& job) {
    return job.seconds > 0 ? job.seconds : 1;
}

// What jobs take of what there is.

[[nodiscard]] Bytes of_device(const std::vector<DeviceLimit>& devices, const std::string& name);
[[nodiscard]] bool fits(const TestNeed& need, const TestNeed& free);
/// Less is left, but not less than nothing.
void take(TestNeed& free, const TestNeed& need);
void give_back(TestNeed& free, const TestNeed& need);
/// The same, also of devices that `sum` does not have yet.
void add(TestNeed& sum, const TestNeed& need);
/// The largest part that it takes of anything: of main memory or of a device.
[[nodiscard]] double share_of(const TestNeed& need, const TestNeed& capacity);

}  // namespace hexcore
