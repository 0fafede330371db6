#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/isolate/run_claims.hpp"
#include "hexcore/isolate/run_events.hpp"
#include "hexcore/isolate/running_job.hpp"

namespace hexcore {

using RunningJobs = std::vector<std::unique_ptr<RunningJob>>;

// Of all that runs together.

[[nodiscard]] std::vector<std::uint32_t> processes_of(const RunningJobs& running);
[[nodiscard]] std::vector<int> descriptors_of(const RunningJobs& running);
[[nodiscard]] Bytes held_by(const RunningJobs& running);
/// The least that none of them has.
[[nodiscard]] std::uint32_t free_slot(const RunningJobs& running);
[[nodiscard]] RunTaken taken_by(const RunningJobs& running);
/// When the first of them has run for too long.
[[nodiscard]] std::optional<std::chrono::nanoseconds> next_deadline(const RunningJobs& running);
/// Asks each to end; by force after its grace.
void end_all(const RunningJobs& running, EndedByUs why, std::chrono::nanoseconds now);
void kill_all(const RunningJobs& running, EndedByUs why, std::chrono::nanoseconds now);
/// A sentence for whoever asked for that: what is waited for, and how long.
[[nodiscard]] std::string ending_text(const RunningJobs& running, const RunningJobs& fixtures,
                                      std::chrono::milliseconds grace);
/// Gives when the next sample ought to be.
std::chrono::milliseconds sample(const RunningJobs& running,
                                 const std::vector<DeviceReading>& readings,
                                 std::chrono::nanoseconds now);

/// The tests that run now; `asked`: with their processes.
[[nodiscard]] std::vector<RunningTest> running_tests(const RunningJobs& running,
                                                     std::chrono::nanoseconds now, bool asked);

}  // namespace hexcore
