#include "hexcore/process/child_process.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <thread>

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

TEST(ChildProcess, OneThatWritesWithoutAnEndIsReadAndCut) {
    const auto outcome = shell("head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2");
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->exit_code, 0);
    EXPECT_EQ(outcome->out.size(), 65536U);
    EXPECT_EQ(outcome->err.size(), 65536U);
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

TEST(ChildProcess, AnInterruptEndsTheWait) {
    std::atomic<bool> stop{false};
    std::thread interrupt([&stop] {
        std::this_thread::sleep_for(100ms);
        stop.store(true);
    });
    const auto outcome = shell("exec sleep 1000", &stop);
    interrupt.join();
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
