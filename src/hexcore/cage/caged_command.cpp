#include "hexcore/cage/caged_command.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "hexcore/base/printable.hpp"
#include "hexcore/cage/descendants.hpp"
#include "hexcore/cage/members.hpp"
#include "hexcore/cage/stray_processes.hpp"
#include "hexcore/cage/temporary_files.hpp"
#include "hexcore/cage/why_not_begun.hpp"

namespace hexcore {
namespace {

using std::chrono::nanoseconds;

/// Readable once it has ended; negative where there is none.
FileDescriptor handle_of_process(pid_t pid) {
    return FileDescriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

}  // namespace

CagedCommand::CagedCommand(CageParts parts)
    : parts_(std::move(parts)),
      output_(KeptOutput::usual, std::move(parts_.on_output)),
      supervisor_(parts_.supervisor),
      start_(Clock::now()),
      sampled_(start_) {
    if (supervisor_ > 0) {
        handle_.emplace(handle_of_process(supervisor_));
    }
}

CagedCommand::~CagedCommand() {
    if (!is_over_) {
        // The end of the socket: the supervisor ends all of it. The cell is not for others.
        order(SupervisorOrder::drop);
        ::shutdown(parts_.control->get(), SHUT_RDWR);
        parts_.give_back(nullptr, parts_.supervisor, std::move(handle_));
    }
}

std::vector<int> CagedCommand::descriptors() const {
    std::vector<int> open;
    if (is_over_) {
        return open;
    }
    open.push_back(parts_.control->get());
    if (handle_ && handle_->is_open()) {
        open.push_back(handle_->get());
    }
    if (parts_.output->is_open() && !output_is_over_) {
        open.push_back(parts_.output->get());
    }
    if (parts_.cell != nullptr && parts_.cell->limit_event() >= 0) {
        open.push_back(parts_.cell->limit_event());
    }
    return open;
}

bool CagedCommand::step() {
    if (is_over_) {
        return true;
    }
    read_output();
    if (parts_.cell != nullptr && parts_.cell->limit_event() >= 0) {
        note_limit_reached();
    }
    // What was told before its end is in the socket by the time that it has ended.
    const bool has_ended = supervisor_has_ended();
    read_notes();
    if (!is_over_ && has_ended) {
        lose_supervisor();
    }
    return is_over_;
}

/// Its socket does not say so where somebody else has it, too, as a worker that was forked.
bool CagedCommand::supervisor_has_ended() const {
    pollfd file{handle_ && handle_->is_open() ? handle_->get() : -1, POLLIN, 0};
    return ::poll(&file, 1, 0) > 0;
}

std::vector<MemoryOwner> CagedCommand::owners() const {
    return owners_among(members(), owners_max);
}

void CagedCommand::breach(const std::string& device, Bytes limit, Bytes used,
                          std::vector<MemoryOwner> owners) {
    outcome_.breach = Breach{device, limit, used, std::move(owners)};
    kill(EndedByUs::over_budget);
}

Result<void> CagedCommand::change_limits(const CageLimits& limits) {
    HEXCORE_TRY_VOID(check_limits(limits));
    if (parts_.cell != nullptr) {
        HEXCORE_TRY_VOID(parts_.cell->set_limits(limits));
    }
    parts_.limits = limits;
    return {};
}

void CagedCommand::order(SupervisorOrder what, int signal) const {
    const SupervisorRequest request{what, signal};
    (void)::send(parts_.control->get(), &request, sizeof(request), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void CagedCommand::ask_to_end(EndedByUs why) {
    if (outcome_.ended_by_us == EndedByUs::no) {
        outcome_.ended_by_us = why;
    }
    order(SupervisorOrder::ask_to_end);
}

void CagedCommand::kill(EndedByUs why) {
    if (outcome_.ended_by_us == EndedByUs::no) {
        outcome_.ended_by_us = why;
    }
    if (!killed_) {
        killed_ = Clock::now();
    }
    order(SupervisorOrder::kill);
}

void CagedCommand::read_output() {
    std::array<char, 65536> buffer;
    constexpr int most_at_once = 16;  // others want to be heard, too
    for (int i = 0; i < most_at_once && parts_.output->is_open(); ++i) {
        const ssize_t size = parts_.output->read(buffer.data(), buffer.size());
        if (size <= 0) {
            output_is_over_ = size == 0;  // its end would be readable for ever
            return;
        }
        output_.take({buffer.data(), static_cast<std::size_t>(size)});
    }
}

void CagedCommand::read_notes() {
    SupervisorMessage message;
    while (!is_over_) {
        const ssize_t size = ::recv(parts_.control->get(), &message, sizeof(message), MSG_DONTWAIT);
        if (size == sizeof(message)) {
            message.name.back() = '\0';
            take(message);
        } else if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        } else {
            lose_supervisor();
        }
    }
}

void CagedCommand::take(const SupervisorMessage& message) {
    switch (message.note) {
        case SupervisorNote::started:
            outcome_.began = true;
            pid_ = message.pid;
            parts_.start_anew = nullptr;
            if (supervisor_ == 0) {
                supervisor_ = message.code;
                handle_.emplace(handle_of_process(supervisor_));
            }
            if (parts_.is_adopted) {
                before_adoption_ = memory_of_member(pid_, MemberReading::exact);
            } else {
                between_ = parent_of_process(pid_);
            }
            break;
        case SupervisorNote::not_begun:
            outcome_.began = false;
            outcome_.problem = why_not_begun(parts_.program, message);
            break;
        case SupervisorNote::stopped:
            was_stopped_ =
                message.code == SIGTSTP || message.code == SIGTTIN || message.code == SIGTTOU;
            break;
        case SupervisorNote::ended:
            take_end(message);
            break;
        case SupervisorNote::residue:
            outcome_.residues.push_back({.kind = static_cast<Residue::Kind>(message.kind),
                                         .name = printable(message.name.data()),
                                         .bytes = Bytes(message.bytes),
                                         .pid = static_cast<std::uint32_t>(message.pid),
                                         .is_gone = message.is_gone != 0});
            break;
        case SupervisorNote::done:
            finish();
            break;
    }
}

void CagedCommand::take_end(const SupervisorMessage& message) {
    outcome_.signalled = WIFSIGNALED(message.code);
    outcome_.code = outcome_.signalled ? WTERMSIG(message.code) : WEXITSTATUS(message.code);
    outcome_.duration = nanoseconds(message.duration_ns);
    outcome_.processor_time = nanoseconds(message.processor_ns);
    has_ended_ = true;
    if (parts_.keeps) {
        note_output();  // its own is in the pipe by now
    }
    // What was adopted begins as a copy of another process, which counts for it.
    if (!parts_.is_adopted) {
        outcome_.peak = std::max(outcome_.peak, Bytes(message.bytes));
        peak_ = std::max(peak_, Bytes(message.bytes));
    }
    if (parts_.cell != nullptr && parts_.limits.memory && !outcome_.breach &&
        parts_.cell->has_ended(outcome_, Bytes(message.bytes))) {
        note_held(*parts_.limits.memory);
        if (last_owners_.empty()) {  // it was too fast for a sample
            last_owners_.push_back(
                {static_cast<std::uint32_t>(message.pid),
                 printable(std::filesystem::path(parts_.program).filename().string()),
                 std::min(Bytes(message.bytes), *parts_.limits.memory)});
        }
        breach(limit_of_memory, *parts_.limits.memory, *parts_.limits.memory,
               std::exchange(last_owners_, {}));
    }
    if (outcome_.signalled && outcome_.code == SIGKILL && outcome_.ended_by_us == EndedByUs::no) {
        outcome_.killed_by = parts_.who_killed();
    }
}

/// Its socket has ended, so that nobody is there who could still start the command.
bool CagedCommand::starts_anew() {
    if (pid_ != 0 || killed_ || !parts_.start_anew) {
        return false;
    }
    auto fresh = std::exchange(parts_.start_anew, nullptr)();
    if (!fresh) {
        outcome_.problem = std::move(fresh.error().message);
        return false;
    }
    parts_.control.emplace(std::move(fresh->control));
    parts_.output.emplace(std::move(fresh->output));
    output_is_over_ = false;
    supervisor_ = parts_.supervisor = fresh->pid;
    handle_.emplace(handle_of_process(supervisor_));
    return true;
}

void CagedCommand::lose_supervisor() {
    if (starts_anew()) {
        return;
    }
    if (parts_.cell != nullptr && !parts_.cell->kill_file().empty()) {
        (void)write_to_group(parts_.cell->kill_file(), "1");
    }
    end_stray_processes({pid_, between_}, parts_.mark, [&] {
        return parts_.cell != nullptr ? parts_.cell->members() : std::vector<pid_t>();
    });
    if (pid_ == 0 && outcome_.problem.empty()) {
        outcome_.problem =
            fmt::format("{} never began: what was to watch over it ended before, or did not answer",
                        parts_.program);
    } else if (pid_ != 0) {
        outcome_.signalled = true;
        outcome_.code = SIGKILL;
        outcome_.problem =
            "what watches over it was killed or does not answer; the rest of it was killed";
    }
    finish();
}

void CagedCommand::note_output() {
    read_output();
    outcome_.output_head = output_.head();
    outcome_.output_tail = output_.tail();
    outcome_.output_bytes = output_.bytes();
}

void CagedCommand::finish() {
    note_output();
    outcome_.processes_refused = parts_.cell != nullptr ? parts_.cell->processes_refused() : 0;
    if (!parts_.temporary.empty()) {
        remove_temporary_files(parts_.temporary, parts_.untold_prefix, outcome_.residues);
    }
    is_over_ = true;
    if (killed_) {
        parts_.cell.reset();  // its supervisor may yet do as it was told
    }
    parts_.give_back(std::exchange(parts_.cell, nullptr), parts_.supervisor, std::nullopt);
}

}  // namespace hexcore
