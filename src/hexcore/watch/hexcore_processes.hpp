#pragma once

#include <sys/types.h>

#include <map>
#include <vector>

#include "hexcore/watch/attached_process.hpp"

namespace hexcore {

/// Finds the processes of this user that run Hexcore: the program, a program that has its plugin or
/// its library. Of those that started one another only the first, and none that `hexcore watch`
/// has started; not those that watch, and not this one.
class HexcoreProcesses {
public:
    /// Those that run now, by pid.
    [[nodiscard]] std::vector<ProcessIdentity> look();

private:
    struct Known {
        std::uint64_t start = 0;
        pid_t parent = 0;
        int looks = 0;
        bool is_hexcore = false;
        bool watches = false;
    };
    [[nodiscard]] bool comes_from_another(const Known& process) const;

    std::map<pid_t, Known> known_;  ///< those that run
};

}  // namespace hexcore
