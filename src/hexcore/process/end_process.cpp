#include "hexcore/process/end_process.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "hexcore/base/file_descriptor.hpp"

namespace hexcore {

Result<void> end_process(pid_t pid, const std::function<bool()>& is_it,
                         std::chrono::milliseconds deadline) {
    // glibc has names for these calls from 2.36 on only.
    const FileDescriptor process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!process.is_open()) {
        if (process.open_error() == ESRCH) {
            return {};
        }
        return fail(ErrorCode::negative, "cannot end process {}: {}", pid,
                    std::strerror(process.open_error()));
    }
    if (!is_it()) {
        return fail(ErrorCode::negative, "process {} is another one by now", pid);
    }
    if (::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0) != 0 &&
        errno != ESRCH) {
        return fail(ErrorCode::negative, "cannot end process {}: {}", pid, std::strerror(errno));
    }
    pollfd ended{process.get(), POLLIN, 0};
    int polled = 0;
    do {
        polled = ::poll(&ended, 1, static_cast<int>(deadline.count()));
    } while (polled < 0 && errno == EINTR);
    if (polled == 0) {
        return fail(ErrorCode::negative,
                    "process {} was killed and has not ended: it hangs in the "
                    "kernel",
                    pid);
    }
    return {};
}

}  // namespace hexcore
