#pragma once

#include <sys/types.h>

#include <functional>
#include <vector>

namespace hexcore {

/// Ends all that descends from this process, which orphans have to go to.
class Sweeper {
public:
    /// `kill_file`: cgroup.kill of a group that they are in, or null.
    explicit Sweeper(const char* kill_file) : kill_file_(kill_file) {}

    /// Once: kills all at once by the control group; then stops all that there are until there are
    /// no more, and kills those. A stopped process neither forks nor makes room for others to, so
    /// that what forks as fast as it can is caught where its number is limited.
    void pass();
    /// Those that were there at the first pass, for who is to know of them.
    [[nodiscard]] static std::vector<pid_t> descendants();

private:
    const char* kill_file_;
};

}  // namespace hexcore
