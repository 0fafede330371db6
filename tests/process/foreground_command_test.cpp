#include "hexcore/process/foreground_command.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace hexcore {
namespace {

using std::chrono::steady_clock;

Result<CommandEnd> ended(const std::vector<std::string>& words) {
    auto command = ForegroundCommand::start(words);
    if (!command) {
        return tl::unexpected(command.error());
    }
    (void)(*command)->begins();
    EXPECT_TRUE((*command)->wait_until(steady_clock::time_point::max()));
    return (*command)->end();
}

TEST(ForegroundCommand, ItsEndIsToldAsAShellWould) {
    const auto exited = ended({"sh", "-c", "exit 7"});
    ASSERT_TRUE(exited.has_value()) << exited.error().message;
    EXPECT_FALSE(exited->signalled);
    EXPECT_EQ(exited->exit_code(), 7);
    EXPECT_GT(exited->largest_process, 0_B);
    const auto killed = ended({"sh", "-c", "kill -TERM $$"});
    ASSERT_TRUE(killed.has_value());
    EXPECT_TRUE(killed->signalled);
    EXPECT_EQ(killed->exit_code(), 128 + SIGTERM);
}

TEST(ForegroundCommand, WhatIsNoProgramIsWrongUsage) {
    for (const char* program : {"hexcore-has-no-such-program", "/", "/dev/null"}) {
        const auto end = ended({program});
        ASSERT_FALSE(end.has_value()) << program;
        EXPECT_EQ(end.error().code, ErrorCode::usage);
        EXPECT_NE(end.error().message.find(program), std::string::npos);
    }
}

TEST(ForegroundCommand, IsItsOwnProgramOnceItBegins) {
    auto command = ForegroundCommand::start({"sh", "-c", "kill -STOP $$; exit 3"});
    ASSERT_TRUE(command.has_value());
    EXPECT_TRUE((*command)->begins());
    EXPECT_FALSE((*command)->wait_until(steady_clock::now()));
    // It stops itself, which is no reason to wait for it, and goes on when it is told to.
    while (!(*command)->wait_until(steady_clock::now() + std::chrono::milliseconds(1))) {
        ::kill((*command)->pid(), SIGCONT);
    }
    EXPECT_EQ((*command)->end()->exit_code(), 3);
}

TEST(ForegroundCommand, LeavesSignalsAsTheyWere) {
    sigset_t before;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
    ASSERT_TRUE(ended({"true"}).has_value());
    sigset_t after;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
    EXPECT_EQ(sigismember(&before, SIGINT), sigismember(&after, SIGINT));
    EXPECT_EQ(sigismember(&before, SIGCHLD), sigismember(&after, SIGCHLD));
}

}  // namespace
}  // namespace hexcore
