#include "hexcore/process/child_process.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <thread>

#include "hexcore/process/interrupt.hpp"

namespace hexcore {
namespace {

using namespace std::chrono_literals;

Result<ChildOutcome> shell(const char* script, const std::atomic<bool>* stop = nullptr,
                           std::chrono::milliseconds deadline = 60s) {
    return run_child({"/bin/sh", {"-c", script}, deadline}, stop);
}

TEST(ChildProcess, ItsWordsAndItsExitCodeComeBack) {
    const auto outcome = shell("echo said; echo complained >&2; exit 7");
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_EQ(outcome->end, ChildEnd::exited);
    EXPECT_EQ(outcome->exit_code, 7);
    EXPECT_EQ(outcome->out, "said\n");
    EXPECT_EQ(outcome->err, "complained\n");
}

TEST(ChildProcess, TheSignalThatEndsItComesBackWithItsLastWords) {
    const auto outcome = shell("echo last words >&2; kill -SEGV $$");
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->end, ChildEnd::signalled);
    EXPECT_EQ(outcome->signal, SIGSEGV);
    EXPECT_EQ(outcome->err, "last words\n");
}

TEST(ChildProcess, OfOneThatWritesWithoutAnEndTheLastIsKept) {
    const auto outcome =
        shell("head -c 1000000 /dev/zero; echo end; head -c 1000000 /dev/zero >&2; echo end >&2");
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->exit_code, 0);
    for (const std::string& text : {outcome->out, outcome->err}) {
        EXPECT_EQ(text.size(), 65536U);
        EXPECT_TRUE(text.ends_with("end\n")) << "the last words are kept";
    }
}

TEST(ChildProcess, GetsVariablesAndKeepsAsMuchAsIsAskedFor) {
    const auto outcome =
        run_child({.program = "/bin/sh",
                   .arguments = {"-c", "echo $HEXCORE_SAID; head -c 99998 /dev/zero"},
                   .more_variables = {"HEXCORE_SAID=this"},
                   .kept_bytes = 100'000},
                  nullptr);
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_EQ(outcome->out.size(), 100'000U);
    EXPECT_TRUE(outcome->out.starts_with("s\n")) << outcome->out.substr(0, 10);
}

TEST(ChildProcess, OneThatDoesNotEndIsKilledAtTheDeadline) {
    const auto outcome = shell("echo begun; exec sleep 1000", nullptr, 500ms);
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->end, ChildEnd::timed_out);
}

TEST(ChildProcess, OneThatClosesItsPipesIsStillWaitedFor) {
    const auto outcome = shell("exec >&- 2>&-; sleep 0.3; exit 5");
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->exit_code, 5);
}

TEST(Interrupt, MayHaveNoWaitsToEnd) {
    const Interrupt interrupt(nullptr);
    ASSERT_EQ(::raise(SIGINT), 0);
    EXPECT_TRUE(interrupt.happened());
}

TEST(ChildProcess, AnInterruptEndsTheWait) {
    std::atomic<bool> stop{false};
    std::array<int, 2> begun{};
    ASSERT_EQ(::pipe(begun.data()), 0);  // which the child inherits
    std::thread interrupt([&] {
        char byte = 0;
        EXPECT_EQ(::read(begun[0], &byte, 1), 1);
        stop.store(true);
    });
    const std::string script = fmt::format("echo > /dev/fd/{}; exec sleep 1000", begun[1]);
    const auto outcome = shell(script.c_str(), &stop);
    interrupt.join();
    ::close(begun[0]);
    ::close(begun[1]);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::interrupted);
}

TEST(ChildProcess, OneThatCtrlCReachesFirstCountsAsInterrupted) {
    const auto outcome = shell("kill -INT $$");
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::interrupted);
}

TEST(ChildProcess, SignalsThatThisProcessIgnoresAreTheChildsAgain) {
    const auto before = std::signal(SIGPIPE, SIG_IGN);
    const auto outcome = shell("kill -PIPE $$; exit 0");
    std::signal(SIGPIPE, before);
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->signal, SIGPIPE);
}

/// Children of fork() stop themselves before they are a program, having said so, while one lives.
class StoppedChildren {
public:
    StoppedChildren() {
        static const int registered = ::pthread_atfork(nullptr, nullptr, &stop_itself);
        EXPECT_EQ(registered, 0);
        EXPECT_EQ(::pipe(said.data()), 0);
        armed = true;
    }
    ~StoppedChildren() {
        armed = false;
        ::close(said[0]);
        ::close(said[1]);
    }
    StoppedChildren(const StoppedChildren&) = delete;
    StoppedChildren& operator=(const StoppedChildren&) = delete;

    static void wait_for_one() {
        char byte = 0;
        EXPECT_EQ(::read(said[0], &byte, 1), 1);
    }

private:
    static void stop_itself() {
        if (armed) {
            (void)!::write(said[1], "", 1);
            ::raise(SIGSTOP);
        }
    }

    static inline bool armed = false;
    static inline std::array<int, 2> said{};
};

void expect_no_child_is_left() {
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
}

TEST(ChildProcess, OneThatStopsBeforeItIsTheProgramIsKilledAtTheDeadline) {
    const StoppedChildren stopped;
    const auto outcome = shell("exit 0", nullptr, 100ms);
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->end, ChildEnd::timed_out);
    expect_no_child_is_left();
}

TEST(ChildProcess, AnInterruptEndsTheWaitForOneThatStopsBeforeItIsTheProgram) {
    const StoppedChildren stopped;
    std::atomic<bool> stop{false};
    std::thread interrupt([&stop] {
        StoppedChildren::wait_for_one();
        stop.store(true);
    });
    const auto outcome = shell("exit 0", &stop, 600s);
    interrupt.join();
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::interrupted);
    expect_no_child_is_left();
}

TEST(ChildProcess, ItsWordsComeBackWhereThisProcessHasClosedItsOwnDescriptors) {
    const pid_t caller = ::fork();
    if (caller == 0) {
        for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
            ::close(descriptor);
        }
        const auto outcome = shell("echo said; echo complained >&2");
        ::_exit(outcome && outcome->out == "said\n" && outcome->err == "complained\n" ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(caller, &status, 0), caller);
    EXPECT_EQ(status, 0);
}

TEST(ChildProcess, AProgramThatIsNotThereIsAFailure) {
    const auto outcome = run_child({"/no/such/program", {}}, nullptr);
    ASSERT_FALSE(outcome);
    EXPECT_NE(outcome.error().message.find("No such file"), std::string::npos);
}

TEST(EndWithParent, TheKernelEndsTheChildOfAParentThatIsKilled) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const pid_t parent = ::fork();
    if (parent == 0) {
        const pid_t self = ::getpid();
        if (::fork() == 0) {
            const char followed = end_with_parent(self) ? 'y' : 'n';
            (void)!::write(ends[1], &followed, 1);
            for (;;) {
                ::pause();
            }
        }
        for (;;) {
            ::pause();
        }
    }
    ::close(ends[1]);
    char followed = 0;
    ASSERT_EQ(::read(ends[0], &followed, 1), 1);
    EXPECT_EQ(followed, 'y');
    ::kill(parent, SIGKILL);
    ::waitpid(parent, nullptr, 0);
    EXPECT_EQ(::read(ends[0], &followed, 1), 0) << "the last holder of the pipe is gone";
    ::close(ends[0]);
}

TEST(EndWithParent, SaysWhereTheParentIsAnother) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::_exit(end_with_parent(::getppid() + 1) ? 1 : 0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace hexcore
