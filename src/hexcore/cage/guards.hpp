#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hexcore {

/// Who keeps a cage's memory within its limit, the best first.
enum class MemoryGuard : std::uint8_t {
    cgroup_v2,  ///< the kernel, which kills all of it at the limit
    cgroup_v1,  ///< the kernel, which stops it at the limit; it is looked at, then killed
    polling,    ///< samples; what is allocated between two of them comes on top
};
[[nodiscard]] constexpr const char* to_string(MemoryGuard guard) {
    switch (guard) {
        case MemoryGuard::cgroup_v2:
            return "cgroup v2";
        case MemoryGuard::cgroup_v1:
            return "cgroup v1";
        case MemoryGuard::polling:
            return "polling";
    }
    return "";
}

/// How all processes of a cage are ended.
enum class KillGuard : std::uint8_t {
    cgroup_kill,  ///< the kernel kills them all at once
    sweep,        ///< they are stopped and killed, again and again, until there are none
};
[[nodiscard]] constexpr const char* to_string(KillGuard guard) {
    return guard == KillGuard::cgroup_kill ? "cgroup.kill" : "sweep";
}

/// How shared memory that a cage's processes leave is known to be theirs.
enum class ShareGuard : std::uint8_t {
    namespaces,   ///< they have a /dev/shm and System V segments of their own, which go with them
    observation,  ///< who made it, as far as the kernel says or it is seen open in one of them
};
[[nodiscard]] constexpr const char* to_string(ShareGuard guard) {
    return guard == ShareGuard::namespaces ? "namespaces" : "observation";
}

/// What protects on this machine.
struct Guards {
    MemoryGuard memory = MemoryGuard::polling;
    KillGuard kill = KillGuard::sweep;
    ShareGuard share = ShareGuard::observation;
    bool limits_processes = false;
    std::vector<std::string> why;  ///< a sentence for each better one that is missing
};

}  // namespace hexcore
