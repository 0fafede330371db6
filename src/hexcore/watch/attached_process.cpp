#include "hexcore/watch/attached_process.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "hexcore/base/whole_number.hpp"
#include "hexcore/device/memory_holder.hpp"
#include "hexcore/watch/process_facts.hpp"

namespace hexcore {
namespace {

/// A file of the process's in /proc; empty where it cannot be read.
std::string proc_text(pid_t pid, std::string_view file) {
    const auto text = ProcRoot{}.read_if_there(fmt::format("/proc/{}/{}", pid, file));
    return text ? text->value_or("") : "";
}

bool has_ended(int descriptor) {
    pollfd process{descriptor, POLLIN, 0};
    return ::poll(&process, 1, 0) > 0;
}

tl::unexpected<Error> no_such_process(pid_t pid) {
    return fail(ErrorCode::usage, "there is no process {}; name the pid of one that runs", pid);
}

}  // namespace

std::optional<uid_t> user_of_process(pid_t pid) {
    const std::string status = proc_text(pid, "status");
    std::string_view text(status);
    while (!text.empty()) {
        std::string_view line = take_line(text);
        if (take_word(line) == "Uid:") {
            (void)take_word(line);  // the real one; the next is what it acts as
            return whole_number<std::uint32_t>(take_word(line));
        }
    }
    return std::nullopt;
}

Result<AttachedProcess> AttachedProcess::attach(const ProcessIdentity& process) {
    const pid_t pid = process.pid;
    // glibc has a name for this call from 2.36 on only.
    FileDescriptor handle(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!handle.is_open()) {
        const int why = handle.open_error();
        if (why == ESRCH) {
            return no_such_process(pid);
        }
        if (why == EINVAL || why == ENOENT) {
            return fail(ErrorCode::usage, "{} is a thread; name the pid of its process", pid);
        }
        return fail(ErrorCode::usage, "process {} cannot be watched: {}", pid, std::strerror(why));
    }
    const auto user = user_of_process(pid);
    const auto facts = facts_of_process(pid);
    std::vector<std::string> command = command_words({}, fmt::format("/proc/{}", pid));
    const bool has_memory = high_water_of_process({}, std::to_string(pid)).has_value();
    // As long as the process has not ended, all that was just read under its pid was its own.
    if (!user || !facts || hexcore::has_ended(handle.get())) {
        return no_such_process(pid);
    }
    if (process.start != 0 && process.start != facts->start) {
        return fail(ErrorCode::usage, "process {} has ended, and another one has its pid", pid);
    }
    if (*user != ::geteuid() && ::geteuid() != 0) {
        return fail(ErrorCode::usage,
                    "process {} is another user's; watch it as that user, or as root", pid);
    }
    if (!has_memory) {
        return fail(ErrorCode::usage,
                    "process {} is one of the kernel's, without memory of its own", pid);
    }
    if (command.empty()) {
        command.push_back(command_of({}, static_cast<std::uint32_t>(pid)));
    }
    return AttachedProcess(pid, std::move(handle), std::move(command));
}

bool AttachedProcess::has_ended() const { return hexcore::has_ended(handle_.get()); }

}  // namespace hexcore
