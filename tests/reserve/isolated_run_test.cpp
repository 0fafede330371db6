#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "hexcore/reserve/cage_drive.hpp"
#include "hexcore/reserve/resource_manager.hpp"
#include "support/sanitized.hpp"
#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Isolated : public ::testing::Test {
protected:
    ResourceManager manager(bool apart = true) const {
        auto opened =
            ResourceManager::open({.min_free = Bytes{},
                                   .reserved = Bytes{},
                                   .process_isolation = apart,
                                   .folder = temp_ / "reservations",
                                   .supervisor = HEXCORE_SUPERVISOR,
                                   .look = [](LookAt) {
                                       return Result<MachineNow>(MachineNow{
                                           .host_total = 16_GiB, .host_free = 8_GiB, .cores = 2});
                                   }});
        EXPECT_TRUE(opened) << opened.error().message;
        return *std::move(opened);
    }
    IsolatedRun run(std::function<std::string()> work, const IsolatedLimits& limits = {}) const {
        auto done = manager().run_isolated(IsolatedFunction{.work = std::move(work)}, limits);
        EXPECT_TRUE(done) << done.error().message;
        return *std::move(done);
    }

    test::TempFolder temp_;
};

TEST_F(Isolated, AFunctionGivesBackItsBytesAndChangesNothingHere) {
    int changed = 0;
    const std::string large(3'000'000, 'x');
    const IsolatedRun done = run([&] {
        changed = 1;
        return large + std::to_string(::getpid());
    });
    EXPECT_TRUE(done.succeeded());
    EXPECT_EQ(changed, 0);
    ASSERT_TRUE(done.result);
    EXPECT_EQ(done.result->substr(0, large.size()), large);
    EXPECT_NE(done.result->substr(large.size()), std::to_string(::getpid()));
    EXPECT_EQ(done.memory, IsolatedMemory::clean);
    ASSERT_EQ(done.proof.size(), 1U);
    EXPECT_EQ(done.proof[0].name, "main memory");
    EXPECT_EQ(done.proof[0].before, 8_GiB);
}

TEST_F(Isolated, WhatAFunctionPrintsIsInTheOutcome) {
    const IsolatedRun done = run([] {
        std::fputs("to stdout\n", stdout);
        std::fputs("to stderr\n", stderr);
        return std::string();
    });
    EXPECT_THAT(done.outcome.output_head, HasSubstr("to stdout\n"));
    EXPECT_THAT(done.outcome.output_head, HasSubstr("to stderr\n"));
    EXPECT_EQ(done.result, "");
}

TEST_F(Isolated, AFunctionThatDoesNotComeToItsEndGivesNothingBack) {
    const IsolatedRun crashed = run([]() -> std::string {
        std::raise(SIGKILL);
        return "x";
    });
    EXPECT_TRUE(crashed.outcome.signalled);
    EXPECT_EQ(crashed.outcome.code, SIGKILL);
    EXPECT_EQ(crashed.result, std::nullopt);
    const IsolatedRun left = run([]() -> std::string { ::_exit(0); });
    EXPECT_TRUE(left.succeeded());
    EXPECT_EQ(left.result, std::nullopt) << "an end in the middle is no result";
    const IsolatedRun failed = run([]() -> std::string { ::_exit(7); });
    EXPECT_FALSE(failed.succeeded());
    EXPECT_EQ(failed.outcome.code, 7);
}

TEST_F(Isolated, NothingOfAFunctionRunsOnAndItsVerdictIsResidue) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const IsolatedRun done = run([&] {
        if (::fork() == 0) {
            ::setsid();
            if (::fork() != 0) {
                ::_exit(0);
            }
            (void)!::write(ends[1], "", 1);
            for (;;) {
                ::pause();
            }
        }
        char byte = 0;
        (void)!::read(ends[0], &byte, 1);
        return std::string("left a process");
    });
    EXPECT_EQ(done.result, "left a process");
    EXPECT_EQ(done.memory, IsolatedMemory::residue);
    ASSERT_EQ(done.outcome.residues.size(), 1U);
    EXPECT_EQ(done.outcome.residues[0].kind, Residue::Kind::process);
    ::close(ends[1]);
    char byte = 0;
    EXPECT_EQ(::read(ends[0], &byte, 1), 0) << "whoever could write has ended";
    ::close(ends[0]);
}

TEST_F(Isolated, AFunctionThatHangsIsEndedWhenItsTimeIsOver) {
    const IsolatedRun done = run(
        []() -> std::string {
            std::signal(SIGTERM, SIG_IGN);
            for (;;) {
                ::pause();
            }
        },
        {.timeout = 20ms, .grace = 20ms});
    EXPECT_EQ(done.outcome.ended_by_us, EndedByUs::timed_out);
    EXPECT_FALSE(done.succeeded());
    EXPECT_EQ(done.result, std::nullopt);
}

TEST_F(Isolated, AFunctionIsEndedWhenItIsToldTo) {
    const std::atomic<bool> stop = true;
    const IsolatedRun done = run(
        []() -> std::string {
            for (;;) {
                ::pause();
            }
        },
        {.stop = &stop});
    EXPECT_EQ(done.outcome.ended_by_us, EndedByUs::interrupted);
}

TEST_F(Isolated, AFunctionOverItsBudgetIsEndedWithABreach) {
    if (test::sanitized) {
        GTEST_SKIP() << "a sanitizer's own memory is more than the budget";
    }
    const IsolatedRun done = run(
        []() -> std::string {
            std::vector<std::vector<char>> all;
            for (;;) {
                all.emplace_back(16 << 20, 'x');
            }
        },
        {.cage = {.memory = 256_MiB}});
    EXPECT_EQ(done.outcome.ended_by_us, EndedByUs::over_budget);
    ASSERT_TRUE(done.outcome.breach);
    EXPECT_EQ(done.outcome.breach->limit, 256_MiB);
    EXPECT_EQ(done.result, std::nullopt);
}

TEST_F(Isolated, WhatAGpuDoesNotGiveBackIsNobodysFault) {
    Bytes free = 8_GiB;
    const Looker look = [&](LookAt at) {
        MachineNow now{.host_total = 16_GiB, .host_free = 8_GiB};
        if (at == LookAt::host_and_gpus) {
            now.devices = {{"cuda:0", "GPU-0", 8_GiB, free}};
        }
        return Result<MachineNow>(now);
    };
    const IsolatedLimits limits{.cage = {.devices = {{"cuda:0", 4_GiB}}}, .came_back_in = 0ms};
    const auto proof = MemoryProof::begin(limits, look);
    ASSERT_TRUE(proof);
    IsolatedRun run;
    ASSERT_TRUE(proof->end(run));
    EXPECT_EQ(run.memory, IsolatedMemory::clean);
    free = 7_GiB;
    ASSERT_TRUE(proof->end(run));
    EXPECT_EQ(run.memory, IsolatedMemory::unattributable);
    ASSERT_EQ(run.proof.size(), 2U);
    EXPECT_EQ(run.proof[1].name, "cuda:0");
    EXPECT_EQ(run.proof[1].before - run.proof[1].after, 1_GiB);
}

TEST_F(Isolated, ALimitThatNobodyCanKeepIsRefused) {
    auto here = manager();
    const IsolatedLimits limits{.cage = {.devices = {{"cuda:99", 1_GiB}}}};
    const auto command = here.run_isolated(IsolatedCommand{.words = {"true"}}, limits);
    const auto function =
        here.run_isolated(IsolatedFunction{.work = [] { return std::string(); }}, limits);
    ASSERT_FALSE(command);
    ASSERT_FALSE(function);
    EXPECT_EQ(command.error().code, ErrorCode::missing_device) << command.error().message;
    EXPECT_EQ(function.error().code, ErrorCode::missing_device) << function.error().message;
}

TEST_F(Isolated, OtherThreadsOfTheCallerGoOn) {
    std::atomic<bool> stop = false;
    std::atomic<std::uint64_t> count = 0;
    std::thread beside([&] {
        while (!stop) {
            const std::vector<char> some(1000, 'x');  // so that the heap's locks are taken
            ++count;
        }
    });
    for (int round = 0; round < 20; ++round) {
        const IsolatedRun done = run([] { return std::string(10'000, 'y'); });
        ASSERT_TRUE(done.result);
    }
    stop = true;
    beside.join();
    EXPECT_GT(count, 0U);
}

/// A supervisor that gets no number for its socket would take another file for it.
TEST_F(Isolated, WithFewDescriptorsAFunctionRunsOrItIsSaid) {
    auto here = manager();
    const auto work = [] { return std::string("done"); };
    ASSERT_TRUE(here.run_isolated(IsolatedFunction{.work = work}));  // what it opens once is open
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const int lowest = ::dup(0);
    ::close(lowest);
    int runs = 0;
    for (rlim_t more = 0; runs == 0; ++more) {
        const rlimit few{static_cast<rlim_t>(lowest) + more, before.rlim_max};
        ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
        const auto done = here.run_isolated(IsolatedFunction{.work = work});
        ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
        if (done) {
            EXPECT_EQ(done->result.has_value(), done->succeeded()) << done->outcome.problem;
            runs += done->succeeded() ? 1 : 0;
        }
    }
    EXPECT_EQ(runs, 1);
}

TEST_F(Isolated, ACommandRunsWithWhatItIsGiven) {
    auto here = manager();
    const auto done = here.run_isolated(
        IsolatedCommand{.words = {"sh", "-c", "echo $WORD; pwd; touch $TMPDIR/left; exit 3"},
                        .more_variables = {"WORD=hello"},
                        .folder = "/usr"});
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(done->outcome.code, 3);
    EXPECT_EQ(done->outcome.output_head, "hello\n/usr\n");
    EXPECT_EQ(done->memory, IsolatedMemory::residue) << "a temporary file";
    EXPECT_EQ(done->result, std::nullopt);
    const auto missing = here.run_isolated(IsolatedCommand{.words = {"no-such-program"}});
    ASSERT_TRUE(missing);
    EXPECT_FALSE(missing->succeeded());
    EXPECT_THAT(missing->outcome.problem, HasSubstr("no-such-program"));
    EXPECT_EQ(here.run_isolated(IsolatedCommand{.words = {}}).error().code, ErrorCode::usage);
    EXPECT_EQ(here.run_isolated(IsolatedFunction{.work = {}}).error().code, ErrorCode::usage);
}

TEST_F(Isolated, WithoutIsolationAFunctionRunsHere) {
    int changed = 0;
    std::vector<char> kept;
    auto here = manager(false);
    const auto done = here.run_isolated(IsolatedFunction{.work = [&] {
        changed = 1;
        return std::string("done");
    }});
    ASSERT_TRUE(done);
    EXPECT_EQ(changed, 1);
    EXPECT_FALSE(done->apart);
    EXPECT_EQ(done->result, "done");
    EXPECT_EQ(done->memory, IsolatedMemory::clean);
    const auto keeps = here.run_isolated(IsolatedFunction{.work = [&] {
        kept.assign(64 << 20, 'x');
        return std::string();
    }});
    EXPECT_EQ(keeps->memory, IsolatedMemory::residue);
}

TEST_F(Isolated, WithoutASupervisorItIsSaid) {
    auto lost =
        ResourceManager::open({.folder = temp_ / "reservations", .supervisor = temp_ / "nothing"});
    ASSERT_TRUE(lost);
    const auto none = lost->run_isolated(IsolatedCommand{.words = {"true"}});
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ErrorCode::usage);
}

TEST_F(Isolated, CleanupGivesBackWhatTheManagerReserved) {
    auto here = manager();
    auto first = here.reserve("first", {.host = 1_GiB});
    auto second = here.reserve("second", {.host = 2_GiB, .cores = 1});
    ASSERT_TRUE(first && second);
    ResourceManager::release(*first);
    const CleanedUp cleaned = here.cleanup();
    EXPECT_EQ(cleaned.reservations, 1U);
    EXPECT_EQ(cleaned.reserved.host, 2_GiB);
    EXPECT_FALSE(second->is_held());
    EXPECT_TRUE(here.reserve("all", {.host = 8_GiB}));
    EXPECT_EQ(here.cleanup().reservations, 0U) << "it was given back at the end of its scope";
}

TEST_F(Isolated, TheDefaultsAreThoseOfAHeavyTest) {
    const ResourceManager::Options defaults;
    EXPECT_EQ(defaults.min_free, 4_GiB);
    EXPECT_EQ(defaults.reserved, 1_GiB);
    EXPECT_TRUE(defaults.process_isolation);
}

}  // namespace
}  // namespace hexcore
