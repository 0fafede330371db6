#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/cage/supervisor_messages.hpp"

namespace hexcore {

/// Where processes share /dev/shm and System V segments with all others: whose is what is made
/// there while they run. A file is theirs if one of them has it open or mapped when its making is
/// told, which takes some ten microseconds; what is made and left within that is nobody's. A
/// segment is theirs if one of them that is known made it.
class ShareWatch {
public:
    ShareWatch();

    [[nodiscard]] int descriptor() const {
        return with_makers_.is_open() ? with_makers_.get() : names_.get();
    }
    /// Takes what was made since: `pids` are the processes that it can be of.
    void take(const std::function<std::vector<pid_t>()>& pids);
    void remember(pid_t pid) { makers_.push_back(pid); }

    using Tell = std::function<void(const SupervisorMessage&)>;
    /// Removes what is left and theirs, and tells it.
    void remove_left(const Tell& tell) const;

private:
    struct File {
        std::string name;
        dev_t device = 0;
        ino_t inode = 0;
    };
    [[nodiscard]] bool is_theirs(const struct stat& file, pid_t maker,
                                 const std::vector<pid_t>& processes) const;
    void remove_files(const Tell& tell) const;
    void remove_segments(const Tell& tell) const;

    // One of them: events with the pid of who made a file, or without.
    FileDescriptor with_makers_;
    FileDescriptor names_;
    std::vector<File> theirs_;  ///< in /dev/shm
    std::vector<pid_t> makers_;
    std::vector<int> before_;  ///< segments that were there already
};

}  // namespace hexcore
