#include "hexcore/process/companion.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

namespace hexcore {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Heard = Companion::Heard;

constexpr auto long_enough = 60s;

std::unique_ptr<Companion> shell_beside(const char* script,
                                        std::vector<std::string> variables = {}) {
    auto started = Companion::start({"/bin/sh", {"-c", script}, std::move(variables)});
    EXPECT_TRUE(started) << started.error().message;
    return *std::move(started);
}

TEST(Companion, ItsWordsComeLineByLineUntilItHasNoMore) {
    const auto child = shell_beside("echo one; printf 'two\\nthree'; exit 3");
    std::string line;
    ASSERT_EQ(child->hear(line, long_enough), Heard::line);
    EXPECT_EQ(line, "one");
    ASSERT_EQ(child->hear(line, long_enough), Heard::line);
    EXPECT_EQ(line, "two");
    EXPECT_EQ(child->hear(line, long_enough), Heard::end) << "half a line is none";
    ASSERT_TRUE(child->wait(long_enough));
    const auto outcome = child->outcome();
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->end, ChildEnd::exited);
    EXPECT_EQ(outcome->exit_code, 3);
}

TEST(Companion, OneThatSaysNothingIsNotWaitedForLongerThanAsked) {
    const auto child = shell_beside("exec sleep 1000");
    std::string line;
    EXPECT_EQ(child->hear(line, 1ms), Heard::nothing);
    EXPECT_FALSE(child->wait(1ms));
}

TEST(Companion, ItIsAskedToEndOrKilled) {
    const auto asked = shell_beside("trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done");
    std::string line;
    ASSERT_EQ(asked->hear(line, long_enough), Heard::line);
    asked->ask_to_end();
    ASSERT_TRUE(asked->wait(long_enough));
    EXPECT_EQ(asked->outcome()->exit_code, 7);
    const auto killed = shell_beside("exec sleep 1000");
    killed->kill();
    ASSERT_TRUE(killed->wait(long_enough));
    EXPECT_EQ(killed->outcome()->end, ChildEnd::signalled);
    EXPECT_EQ(killed->outcome()->signal, SIGKILL);
    killed->kill();  // its number may be another's by now
}

TEST(Companion, ItIsToldVariablesBeforeThoseOfThisProcess) {
    ::setenv("HEXCORE_TEST_TOLD", "own", 1);
    const auto child = shell_beside("echo $HEXCORE_TEST_TOLD", {"HEXCORE_TEST_TOLD=told"});
    std::string line;
    ASSERT_EQ(child->hear(line, long_enough), Heard::line);
    EXPECT_EQ(line, "told");
    ::unsetenv("HEXCORE_TEST_TOLD");
}

TEST(Companion, ItIsToldAnotherNameThanItsPath) {
    auto child = Companion::start({"/bin/sh", {"-c", "echo $0"}, {}, "called"});
    ASSERT_TRUE(child) << child.error().message;
    std::string line;
    ASSERT_EQ((*child)->hear(line, long_enough), Heard::line);
    EXPECT_EQ(line, "called");
}

TEST(Companion, TheTerminalsSignalsAreNotForIt) {
    const auto child = shell_beside("exec sleep 1000");
    // Its group is its own once it is the program, or just before.
    while (::getpgid(child->pid()) != child->pid()) {
        ASSERT_FALSE(child->wait(1ms));
    }
    EXPECT_NE(::getpgrp(), child->pid());
}

TEST(Companion, WhatIsNoProgramIsNamed) {
    const auto child = Companion::start({"/nowhere/at/all", {}, {}});
    ASSERT_TRUE(child);
    ASSERT_TRUE((*child)->wait(long_enough));
    const auto outcome = (*child)->outcome();
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::usage);
    EXPECT_THAT(outcome.error().message, HasSubstr("/nowhere/at/all"));
}

TEST(Companion, ItEndsWithTheObject) {
    pid_t pid = 0;
    {
        const auto child = shell_beside("exec sleep 1000");
        pid = child->pid();
    }
    EXPECT_EQ(::kill(pid, 0), -1) << "it was killed and waited for";
}

}  // namespace
}  // namespace hexcore
