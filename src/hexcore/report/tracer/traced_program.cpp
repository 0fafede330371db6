// A traced program stops at each signal before it is delivered, and then its registers and its
// stack are what they were at the instruction that caused it. Of the stops, that one counts which
// is where the fault was:
//
// - A signal that the kernel sends for a fault is one each time that the program has one. Programs
//   may live with faults (a garbage collector's barrier), so the last one counts.
// - A signal that the program sends to itself (abort(), raise()) is often sent again by a handler
//   that has said what it had to, with itself on top of the stack; so the first of the same number
//   counts, and none after a fault of that number.

#include "hexcore/report/tracer/traced_program.hpp"

#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <utility>

namespace hexcore {
namespace {

/// What ends a program by its own fault.
constexpr std::array faults = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
/// A program that lives with faults is not slowed down for ever.
constexpr int most_looks = 64;
constexpr int not_started = 127;

const Dwfl_Callbacks& callbacks_of_processes() {
    static const Dwfl_Callbacks running = {.find_elf = dwfl_linux_proc_find_elf,
                                           .find_debuginfo = dwfl_standard_find_debuginfo,
                                           .section_address = nullptr,
                                           .debuginfo_path = nullptr};
    return running;
}

struct Walk {
    Dwfl* session = nullptr;
    std::vector<RecordedFrame> frames;
};

int take_frame(Dwfl_Frame* state, void* argument) {
    Walk& walk = *static_cast<Walk*>(argument);
    Dwarf_Addr address = 0;
    bool is_exact = false;  // the instruction itself, not where a call returns to
    if (!dwfl_frame_pc(state, &address, &is_exact) || walk.frames.size() >= recorded_frames_max) {
        return DWARF_CB_ABORT;
    }
    RecordedFrame frame{nullptr, address + (is_exact ? 1 : 0)};
    Dwfl_Module* module = dwfl_addrmodule(walk.session, address - (is_exact ? 0 : 1));
    Dwarf_Addr bias = 0;
    if (module != nullptr && dwfl_module_getelf(module, &bias) != nullptr) {
        const char* file = nullptr;
        const char* name =
            dwfl_module_info(module, nullptr, nullptr, nullptr, nullptr, nullptr, &file, nullptr);
        if (file == nullptr) {
            file = name;
        }
        frame.offset -= bias;
        frame.module = std::make_shared<RecordedText>(RecordedText{0, file == nullptr ? "" : file});
    }
    walk.frames.push_back(std::move(frame));
    return DWARF_CB_OK;
}

/// Of a thread that stands still for this process.
std::vector<RecordedFrame> stack_of(pid_t process, pid_t thread) {
    const std::unique_ptr<Dwfl, void (*)(Dwfl*)> session(dwfl_begin(&callbacks_of_processes()),
                                                         dwfl_end);
    if (session == nullptr || dwfl_linux_proc_report(session.get(), process) != 0 ||
        dwfl_report_end(session.get(), nullptr, nullptr) != 0 ||
        dwfl_linux_proc_attach(session.get(), process, true) != 0) {
        return {};
    }
    Walk walk{session.get(), {}};
    (void)dwfl_getthread_frames(session.get(), thread, take_frame, &walk);
    return std::move(walk.frames);
}

/// What was seen at the stop that counts.
class SeenFaults {
public:
    void look(pid_t process, pid_t thread, int signal) {
        siginfo_t info{};
        if (::ptrace(PTRACE_GETSIGINFO, thread, nullptr, &info) != 0) {
            return;  // it stands still, but for no signal
        }
        const bool by_kernel = info.si_code > 0;
        if (looks_ >= most_looks || (signal == signal_ && !by_kernel)) {
            return;
        }
        looks_ += 1;
        signal_ = signal;
        frames_ = stack_of(process, thread);
    }
    [[nodiscard]] std::vector<RecordedFrame> take(int signal) {
        return signal == signal_ ? std::move(frames_) : std::vector<RecordedFrame>{};
    }

private:
    int looks_ = 0;
    int signal_ = 0;
    std::vector<RecordedFrame> frames_;
};

[[noreturn]] void become_traced(char** words, int problem) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) {
        const int why = errno;
        (void)!::write(problem, &why, sizeof(why));
        ::_exit(not_started);
    }
    ::execvp(words[0], words);
    ::_exit(not_started);
}

/// Lets it run on from where it stands.
void go_on(pid_t thread, int signal) {
    (void)::ptrace(PTRACE_CONT, thread, nullptr, std::intptr_t{signal});
}

TracedEnd watch_until_its_end(pid_t process) {
    SeenFaults seen;
    int status = 0;
    std::vector<pid_t> threads{process};
    for (;;) {
        const pid_t thread = ::waitpid(-1, &status, __WALL);
        if (thread < 0 && errno == EINTR) {
            continue;
        }
        if (thread < 0) {
            return {.problem = "it was lost sight of"};
        }
        if (!WIFSTOPPED(status)) {
            if (thread != process) {
                continue;
            }
            TracedEnd end{.signalled = WIFSIGNALED(status)};
            end.code = end.signalled ? WTERMSIG(status) : WEXITSTATUS(status);
            end.frames = end.signalled ? seen.take(end.code) : std::vector<RecordedFrame>{};
            return end;
        }
        const int signal = WSTOPSIG(status);
        const bool is_event = (status >> 16) != 0;
        const bool is_new = std::find(threads.begin(), threads.end(), thread) == threads.end();
        if (is_new) {
            threads.push_back(thread);
        }
        if (is_event || (is_new && signal == SIGSTOP)) {
            go_on(thread, 0);
            continue;
        }
        if (std::find(faults.begin(), faults.end(), signal) != faults.end()) {
            seen.look(process, thread, signal);
        }
        go_on(thread, signal);
    }
}

}  // namespace

TracedEnd trace_program(char** words) {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return {.problem = std::strerror(errno)};
    }
    const pid_t process = ::fork();
    if (process == 0) {
        become_traced(words, ends[1]);
    }
    ::close(ends[1]);
    int why = 0;
    const bool is_refused = ::read(ends[0], &why, sizeof(why)) == sizeof(why);
    ::close(ends[0]);
    int status = 0;
    if (process < 0 || is_refused) {
        return {.problem = fmt::format("the system lets no process look at another here ({})",
                                       std::strerror(process < 0 ? errno : why))};
    }
    // The first stop is the program's start.
    if (::waitpid(process, &status, 0) != process || !WIFSTOPPED(status)) {
        return {.problem = "it could not be started"};
    }
    (void)::ptrace(PTRACE_SETOPTIONS, process, nullptr,
                   std::intptr_t{PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC});
    go_on(process, 0);
    return watch_until_its_end(process);
}

}  // namespace hexcore
