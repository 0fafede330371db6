#pragma once

#include <sys/types.h>

#include <chrono>

#include "hexcore/device/gpu_probe.hpp"
#include "hexcore/report/reset_report.hpp"

namespace hexcore {

struct ProcessMemoryOptions {
    /// What else may happen on a GPU meanwhile: other processes' memory is not told apart from that
    /// of the one which ended.
    Bytes tolerance = 64_MiB;
    /// Where GPUs and processes are looked up.
    GpuProbeOptions probe = {};
};

/// What another process takes of this machine's GPUs and main memory, and whether it came back when
/// that process had ended: the complete reset, since no process can give back all that a driver
/// keeps for it. GPUs are looked at as their driver tells, without a context.
class ProcessMemory {
public:
    /// Before the process is started: what is in use now is what it has to come back to.
    explicit ProcessMemory(ProcessMemoryOptions options = {});

    /// While it runs: this is how much it may have.
    void look(pid_t process);
    /// Once it was waited for, having begun to end at `begin`: waits until the GPUs' memory is
    /// back, or until `deadline` is over.
    [[nodiscard]] ResetReport after_end(std::chrono::steady_clock::time_point begin,
                                        std::chrono::milliseconds deadline);
    /// Of one that was killed and does not end: what it still has.
    [[nodiscard]] ResetReport not_ended(pid_t process);

private:
    const ProcessMemoryOptions options_;
    ResetReport report_;
};

}  // namespace hexcore
