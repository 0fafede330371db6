#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/result.hpp"
#include "hexcore/device/control_group.hpp"
#include "hexcore/device/proc_root.hpp"

namespace hexcore {

/// What main memory there is for this process, as the kernel says.
struct HostMemory {
    Bytes total;              ///< the machine's, MemTotal
    Bytes machine_available;  ///< MemAvailable
    Bytes available;          ///< for this process: the same, or what its cgroups leave if less
    std::optional<Bytes> cgroup_limit = {};  ///< the lowest limit, where it is under `total`
    std::string cgroup_path = {};            ///< the control group that sets it
    std::string tightest_path = {};  ///< the one that leaves `available`; empty: the machine does
};

/// Reads /proc/meminfo and the memory limits of the process's control groups, version 1 or 2, with
/// all their parents. What a group leaves is its limit less its current use; page cache counts as
/// left, as it does in MemAvailable. Fails with ErrorCode::bad_input where a file is missing or
/// does not say what it should.
[[nodiscard]] Result<HostMemory> probe_host_memory(const ProcRoot& root = {});

/// The same, many times a second. Which control groups the process is in is looked up once a
/// second: that takes longer than reading what they say.
class HostMemoryMeter {
public:
    explicit HostMemoryMeter(ProcRoot root = {}) : root_(std::move(root)) {}

    [[nodiscard]] Result<HostMemory> read();

private:
    ProcRoot root_;
    std::vector<ControlGroup> own_groups_;
    std::optional<std::chrono::steady_clock::time_point> looked_up_;
};

}  // namespace hexcore
