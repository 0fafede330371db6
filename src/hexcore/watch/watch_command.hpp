#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/device/gpu_probe.hpp"
#include "hexcore/process/foreground_command.hpp"
#include "hexcore/recording/recording.hpp"

namespace hexcore {

struct WatchOptions {
    std::vector<std::string> command;  ///< the program first
    std::string writer;                ///< who writes the recording, such as "hexcore 0.1.0"
    std::chrono::microseconds interval{100'000};
    std::chrono::microseconds gpu_interval{500'000};
    GpuProbeOptions gpus = {};
};

/// Runs a command in this process's place, as ForegroundCommand does, and tells the sinks what it
/// and all that descend from it have in memory, until it has ended. Fails, with nothing told, with
/// ErrorCode::does_not_fit where the system starts no process, and with ErrorCode::usage where the
/// command is no program.
[[nodiscard]] Result<CommandEnd> watch_command(const WatchOptions& options,
                                               std::vector<RecordSink*> sinks);

}  // namespace hexcore
