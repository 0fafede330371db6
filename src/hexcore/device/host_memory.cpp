#include "hexcore/device/host_memory.hpp"

#include <algorithm>
#include <utility>

#include "hexcore/base/whole_number.hpp"
#include "hexcore/device/cgroup_memory.hpp"

namespace hexcore {
namespace {

constexpr std::string_view meminfo = "/proc/meminfo";

/// The value of one line of meminfo, `MemTotal:   24689212 kB`. "kB" there means KiB.
Result<Bytes> value_of(const ProcRoot& root, std::string_view text, std::string_view key) {
    while (!text.empty()) {
        std::string_view line = take_line(text);
        if (take_word(line) != key) {
            continue;
        }
        const std::string_view number = take_word(line);
        const auto count = whole_number(number);
        constexpr std::uint64_t largest = ~0ULL / 1024;
        if (!count || *count > largest || take_word(line) != "kB" || !take_word(line).empty()) {
            return fail(ErrorCode::bad_input,
                        "{}: {} is followed by '{}', not by a number of kB; Hexcore cannot tell "
                        "how much memory there is",
                        root.path(meminfo), key, number);
        }
        return Bytes(*count * 1024);
    }
    return fail(ErrorCode::bad_input,
                "{} has no line {}; Hexcore cannot tell how much memory there is (Linux has it "
                "since 3.14)",
                root.path(meminfo), key);
}

Result<HostMemory> probe(const ProcRoot& root, const std::vector<ControlGroup>& own_groups) {
    HEXCORE_TRY(text, root.read(meminfo));
    HEXCORE_TRY(total, value_of(root, text, "MemTotal:"));
    HEXCORE_TRY(available, value_of(root, text, "MemAvailable:"));
    HEXCORE_TRY(groups, memory_cgroups(root, own_groups));

    available = std::min(available, total);
    HostMemory memory{.total = total, .machine_available = available, .available = available};
    for (const CgroupMemory& group : groups) {
        if (group.left() < memory.available) {
            memory.available = group.left();
            memory.tightest_path = group.path;
        }
        if (group.limit < memory.cgroup_limit.value_or(total)) {
            memory.cgroup_limit = group.limit;
            memory.cgroup_path = group.path;
        }
    }
    return memory;
}

}  // namespace

Result<HostMemory> probe_host_memory(const ProcRoot& root) {
    HEXCORE_TRY(own, control_groups(root, "memory"));
    return probe(root, own);
}

Result<HostMemory> HostMemoryMeter::read() {
    using Clock = std::chrono::steady_clock;
    constexpr std::chrono::seconds stays_for{1};
    if (!looked_up_ || Clock::now() - *looked_up_ > stays_for) {
        HEXCORE_TRY(own, control_groups(root_, "memory"));
        own_groups_ = std::move(own);
        looked_up_ = Clock::now();
    }
    return probe(root_, own_groups_);
}

}  // namespace hexcore
