#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "caging.hpp"
#include "hexcore/cage/descendants.hpp"

namespace hexcore {
namespace {

using test::Caging;
using test::NamedPipe;
using ::testing::IsEmpty;

std::unique_ptr<CageYard> yard_here(const YardOptions& options = {
                                        .supervisor = HEXCORE_SUPERVISOR}) {
    auto yard = CageYard::open(options);
    EXPECT_TRUE(yard.has_value()) << yard.error().message;
    return yard ? *std::move(yard) : nullptr;
}

/// Does not return: a runner that is going to be killed, and does nothing for its cage until then.
[[noreturn]] void be_runner(const CageCommand& command) {
    const auto yard = yard_here();
    const auto cage = yard->start(command, {});
    while (cage) {
        ::pause();
    }
    ::_exit(1);
}

TEST(CageRunnerEnd, WhatStopsItsSupervisorOnAndOnIsEndedWhereTheRunnerIsKilled) {
    const auto yard = yard_here();
    const Caging caging(*yard);
    const NamedPipe pipe;
    const CageCommand command = caging.command({"stop-supervisor-on", "8", pipe.path()});
    const pid_t runner = ::fork();
    if (runner == 0) {
        be_runner(command);
    }
    char byte = 0;
    ASSERT_EQ(::read(pipe.reading(), &byte, 1), 1);
    ::kill(runner, SIGKILL);
    ASSERT_EQ(::waitpid(runner, nullptr, 0), runner);
    // Only where it fails it lasts that long.
    for (int look = 0; look < 6000 && !caging.left().empty(); ++look) {
        ::poll(nullptr, 0, 10);
    }
    const std::vector<std::string> left = caging.left();
    EXPECT_THAT(left, IsEmpty());
    for (const std::string& pid : left) {
        ::kill(static_cast<pid_t>(whole_number(pid).value_or(0)), SIGKILL);
    }
}

TEST(CageRunnerEnd, ARunThatIsKilledLeavesNoFolderBehind) {
    const auto yard = yard_here();
    const Caging caging(*yard);
    const test::TempFolder around;
    const NamedPipe pipe;
    CageCommand command = caging.command({"stay", "0", pipe.path()});
    const std::filesystem::path run = around.path() / "hexcore-test-AbCd12";
    command.scratch = run / "0";
    std::filesystem::create_directories(command.scratch);
    std::filesystem::create_directories(run / "1" / "tmp");  // of a test that has ended
    for (const bool is_alive : {true, false}) {
        const pid_t runner = ::fork();
        if (runner == 0) {
            be_runner(command);
        }
        char byte = 0;
        ASSERT_EQ(::read(pipe.reading(), &byte, 1), 1);
        FileDescriptor lock(::open(run.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        ASSERT_TRUE(!is_alive || ::flock(lock.get(), LOCK_EX) == 0);
        { const FileDescriptor closed = is_alive ? FileDescriptor(-1) : std::move(lock); }
        ::kill(runner, SIGKILL);
        ASSERT_EQ(::waitpid(runner, nullptr, 0), runner);
        while (std::filesystem::exists(is_alive ? command.scratch : run)) {
            ::poll(nullptr, 0, 1);
        }
        EXPECT_EQ(std::filesystem::exists(run / "1"), is_alive) << "somebody else's, who lives";
        std::filesystem::create_directories(is_alive ? command.scratch : around.path());
        while (!caging.left().empty()) {  // its supervisor has just to end itself
            ::poll(nullptr, 0, 1);
        }
    }
}

TEST(CageRunnerEnd, AYardWaitsForTheEndOfCagesThatWereDropped) {
    auto yard = yard_here();
    Caging caging(*yard);
    const NamedPipe pipe;
    CageCommand command = caging.command({});
    command.words = {"/bin/sh", "-c",
                     fmt::format("{} daemons 30; {} deaf 0 {}", HEXCORE_BAD_CHILD,
                                 HEXCORE_BAD_CHILD, pipe.path())};
    auto started = yard->start(command, {});
    ASSERT_TRUE(started.has_value());
    while (!(*started)->outcome().began) {
        (void)(*started)->step();
        ::poll(nullptr, 0, 1);
    }
    char byte = 0;
    ASSERT_EQ(::read(pipe.reading(), &byte, 1), 1);
    started->reset();
    yard.reset();
    // Its supervisor removes that last.
    EXPECT_FALSE(std::filesystem::exists(caging.scratch()));
    EXPECT_THAT(caging.left(), IsEmpty());
}

/// A child that stops at once, with that pid; where others started a process meanwhile another, 0.
pid_t stopped_child_with(pid_t wanted) {
    std::ofstream("/proc/sys/kernel/ns_last_pid") << wanted - 1 << std::flush;
    const pid_t child = ::fork();
    if (child == 0) {
        ::raise(SIGSTOP);
        ::_exit(0);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, WUNTRACED), child);
    if (child == wanted) {
        return child;
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    return 0;
}

TEST(CageRunnerEnd, APidThatWasTheSupervisorsIsSomebodyElsesNow) {
    if (!std::ofstream("/proc/sys/kernel/ns_last_pid").is_open()) {
        GTEST_SKIP() << "only root can say which pid a process is to have";
    }
    const auto yard = yard_here();
    constexpr int tries = 50;
    for (int i = 0; i < tries; ++i) {
        Caging caging(*yard);
        NamedPipe pipe;
        caging.start({"stay", "0", pipe.path()});
        caging.wait_for(pipe);
        while (!caging.cage().outcome().began) {
            ASSERT_FALSE(caging.turn()) << caging.cage().outcome().problem;
        }
        const pid_t between = parent_of_process(caging.cage().pid());
        const pid_t supervisor = parent_of_process(between);
        ASSERT_GT(supervisor, 1);
        // Its pid is free when nobody is in its session any more.
        ::kill(supervisor, SIGKILL);
        while (parent_of_process(between) != ::getpid()) {
            ::poll(nullptr, 0, 1);
        }
        ::kill(between, SIGKILL);
        ASSERT_EQ(::waitpid(between, nullptr, 0), between);
        const pid_t other = stopped_child_with(supervisor);
        if (other == 0) {
            continue;
        }
        caging.cage().sample();
        EXPECT_EQ(::waitpid(other, nullptr, WNOHANG | WCONTINUED), 0) << "it was continued";
        ::kill(other, SIGKILL);
        ::waitpid(other, nullptr, 0);
        return;
    }
    GTEST_SKIP() << "others start so many processes that no pid could be had twice";
}

}  // namespace
}  // namespace hexcore
