#pragma once

#include <fcntl.h>

#include <cerrno>
#include <cstdint>

#include "hexcore/base/file_descriptor.hpp"

namespace hexcore {

// Locks of an open file that end with it, like those of flock(): but whether there is one can be
// asked without taking it, which would keep it from whoever wants it in that moment.

enum class FileLock : std::uint8_t { shared, exclusive };

/// False where another open file has one that excludes it; where there are no such locks, nobody is
/// kept out. For the exclusive one the file has to be open for writing, for the shared one for
/// reading.
[[nodiscard]] inline bool lock_file(const FileDescriptor& file, FileLock kind) {
    struct flock lock {};
    lock.l_type = kind == FileLock::shared ? F_RDLCK : F_WRLCK;
    lock.l_whence = SEEK_SET;  // and all of the file
    return ::fcntl(file.get(), F_OFD_SETLK, &lock) == 0 || (errno != EAGAIN && errno != EACCES);
}

/// Whether another open file has a lock, of either kind.
[[nodiscard]] inline bool is_file_locked(const FileDescriptor& file) {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return ::fcntl(file.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

}  // namespace hexcore
