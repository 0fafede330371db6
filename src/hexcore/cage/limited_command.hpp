#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/cage/cage.hpp"

namespace hexcore {

struct LimitedCommand {
    std::vector<std::string> words;  ///< the program first
    CageLimits limits = {};
    std::optional<std::chrono::milliseconds> timeout = {};
    /// After it was asked to end, until it is killed.
    std::chrono::milliseconds grace{10'000};
    bool own_temporary = false;  ///< it gets a TMPDIR of its own, which is removed in the end
    YardOptions yard = {};
};

struct LimitedEnd {
    CageOutcome outcome;
    Guards guards;
};

/// Runs a command in a cage in this process's place: it has its terminal, its stdin, stdout and
/// stderr; signals to this process are for it, and where it is stopped this process stops as well.
/// Returns when nothing of it is left. In the program's main thread, before other threads are
/// started, except where a GPU has a limit: its driver is asked in a thread. Fails as
/// CageYard::open() and start() do, and with ErrorCode::missing_device where a limit is of a GPU
/// that is not there.
[[nodiscard]] Result<LimitedEnd> run_limited(const LimitedCommand& command);

/// `host=320MiB`, `cuda:0=4GiB`: a device, as `--device` names it, and what it may take at most.
/// Fails with ErrorCode::usage.
[[nodiscard]] Result<DeviceLimit> parse_device_limit(const std::string& text);

}  // namespace hexcore
