#pragma once

#include <atomic>
#include <chrono>

#include "hexcore/base/result.hpp"
#include "hexcore/device/gpu_probe.hpp"
#include "hexcore/report/reset_report.hpp"

namespace hexcore {

class Machine;
class PlannedModel;

struct ResetOptions {
    /// How long memory may take to come back.
    std::chrono::milliseconds deadline{5'000};
    /// Ends the wait within 20 ms once it is set. May be null.
    const std::atomic<bool>* stop = nullptr;
    /// What this process may hold more of main memory, outside the devices, than before the load.
    /// Threads that libraries keep, their stacks and what remains of a torn heap take 1 to 4 MiB,
    /// and the kernel counts a process's pages with an error of up to 64 for each thread.
    Bytes host_tolerance = 8_MiB;
    /// Where it is looked up who holds a GPU's memory.
    GpuProbeOptions holders = {};
};

/// Gives back all that this process still has of the devices and of main memory and doesn't use:
/// unloads models, with their contexts and what those keep, forgets peaks and refusals, and waits
/// until what the kernel and the drivers measure proves that it came back, or until the deadline;
/// what was unloaded, and whether all came back, is in the report. Waits for nothing where it is
/// back already.
///
/// Fails with ErrorCode::usage, naming it, where something is in use: with nothing changed, unless
/// nobody says what it is for, and it is only seen once the models have gone. Fails with
/// ErrorCode::interrupted once `stop` is set, and with bad_input where the kernel's files cannot be
/// read. Not while another thread uses the devices.
[[nodiscard]] Result<ResetReport> reset(Machine& machine, const ResetOptions& options = {});
[[nodiscard]] Result<ResetReport> reset(const PlannedModel& model,
                                        const ResetOptions& options = {});

}  // namespace hexcore
