#include "hexcore/cage/cage.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "caging.hpp"

namespace hexcore {
namespace {

using test::Caging;
using test::NamedPipe;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// One way to guard cages; nothing: the best that there is.
struct GuardCase {
    const char* name;
    std::optional<MemoryGuard> memory;
    std::optional<KillGuard> kill;
    std::optional<ShareGuard> share;
};
void PrintTo(const GuardCase& guards, std::ostream* out) { *out << guards.name; }

Result<std::unique_ptr<CageYard>> open_yard(const GuardCase& guards) {
    return CageYard::open({.supervisor = HEXCORE_SUPERVISOR,
                           .memory = guards.memory,
                           .kill = guards.kill,
                           .share = guards.share});
}

std::vector<GuardCase> all_guards() {
    return {{"best", {}, {}, {}},
            {"cgroup_v2_kill", MemoryGuard::cgroup_v2, KillGuard::cgroup_kill, {}},
            {"cgroup_v1_kill", MemoryGuard::cgroup_v1, KillGuard::cgroup_kill, {}},
            {"cgroup_v1_sweep", MemoryGuard::cgroup_v1, KillGuard::sweep, {}},
            {"polling_kill", MemoryGuard::polling, KillGuard::cgroup_kill, {}},
            {"polling_sweep", MemoryGuard::polling, KillGuard::sweep, ShareGuard::observation}};
}

/// Those that this machine has.
std::vector<GuardCase> guards_here() {
    std::vector<GuardCase> here = all_guards();
    std::erase_if(here, [](const GuardCase& guards) {
        const auto yard = open_yard(guards);
        return !yard && yard.error().code == ErrorCode::missing_device;
    });
    return here;
}

TEST(CageGuards, AllAreTriedHere) {
    std::string missing;
    for (const GuardCase& guards : all_guards()) {
        if (const auto yard = open_yard(guards); !yard) {
            missing += yard.error().message + "\n";
        }
    }
    if (!missing.empty()) {
        GTEST_SKIP() << missing;
    }
}

class AnyGuards : public ::testing::TestWithParam<GuardCase> {
protected:
    void SetUp() override {
        auto opened = open_yard(GetParam());
        ASSERT_TRUE(opened.has_value()) << opened.error().message;
        yard_ = *std::move(opened);
        caging_.emplace(*yard_);
    }
    static void wait_until(const std::function<bool()>& condition) {
        while (!condition()) {
            ::poll(nullptr, 0, 1);
        }
    }
    /// What watches over them ends a moment after it has said that all is over.
    void wait_until_none_is_left() const {
        wait_until([this] { return caging_->left().empty(); });
    }
    std::unique_ptr<CageYard> yard_;
    std::optional<Caging> caging_;
};

INSTANTIATE_TEST_SUITE_P(Cage, AnyGuards, ::testing::ValuesIn(guards_here()),
                         [](const auto& guards) { return std::string(guards.param.name); });

TEST_P(AnyGuards, TellsHowACommandEnded) {
    const CageOutcome exited = caging_->run({"exit", "7"});
    EXPECT_TRUE(exited.began) << exited.problem;
    EXPECT_FALSE(exited.signalled);
    EXPECT_EQ(exited.code, 7);
    EXPECT_EQ(exited.ended_by_us, EndedByUs::no);
    EXPECT_GT(exited.peak, 0_B);
    EXPECT_GT(exited.duration.count(), 0);
    EXPECT_THAT(exited.residues, IsEmpty());
    const CageOutcome killed = caging_->run({"signal", std::to_string(SIGSEGV)});
    EXPECT_TRUE(killed.signalled);
    EXPECT_EQ(killed.exit_code(), 128 + SIGSEGV);
}

TEST_P(AnyGuards, SaysWhyACommandNeverBegan) {
    CageCommand command = caging_->command({});
    command.words = {"/no/such/program"};
    auto cage = yard_->start(command, {});
    ASSERT_TRUE(cage.has_value());
    while (!(*cage)->step()) {
        ::poll(nullptr, 0, 1);
    }
    EXPECT_FALSE((*cage)->outcome().began);
    EXPECT_THAT((*cage)->outcome().problem, HasSubstr("/no/such/program"));
    command = caging_->command({"exit", "0"});
    command.folder = "/no/such/folder";
    cage = yard_->start(command, {});
    while (!(*cage)->step()) {
        ::poll(nullptr, 0, 1);
    }
    EXPECT_THAT((*cage)->outcome().problem, HasSubstr("folder"));
}

TEST_P(AnyGuards, EndsWhatTakesTooMuchAtOnce) {
    const CageOutcome outcome = caging_->run({"hold", "400"}, {.memory = 64_MiB});
    EXPECT_EQ(outcome.ended_by_us, EndedByUs::over_budget);
    EXPECT_TRUE(outcome.signalled);
    ASSERT_TRUE(outcome.breach.has_value());
    EXPECT_EQ(outcome.breach->device, "memory");
    EXPECT_EQ(outcome.breach->limit, 64_MiB);
    EXPECT_GE(outcome.breach->used, 64_MiB);
    ASSERT_FALSE(outcome.breach->owners.empty());
    EXPECT_THAT(outcome.breach->owners.front().name, HasSubstr("bad_child"));
    EXPECT_THAT(caging_->left(), IsEmpty());
}

TEST_P(AnyGuards, EndsWhatTakesTooMuchBitByBit) {
    const CageOutcome outcome = caging_->run({"take-slowly", "4000"}, {.memory = 64_MiB});
    EXPECT_EQ(outcome.ended_by_us, EndedByUs::over_budget);
    ASSERT_TRUE(outcome.breach.has_value());
    EXPECT_GE(outcome.peak, 60_MiB);
}

TEST_P(AnyGuards, CountsAllProcessesTogether) {
    CageCommand command = caging_->command({});
    command.words = {"/bin/sh", "-c",
                     fmt::format("{0} hold 40 & {0} hold 40 & wait", HEXCORE_BAD_CHILD)};
    auto cage = yard_->start(command, {.memory = 64_MiB});
    ASSERT_TRUE(cage.has_value());
    while (!(*cage)->step()) {
        ::poll(nullptr, 0, static_cast<int>((*cage)->next_sample_in().count()));
        (*cage)->sample();
    }
    EXPECT_EQ((*cage)->outcome().ended_by_us, EndedByUs::over_budget);
    EXPECT_THAT(caging_->left(), IsEmpty());
}

TEST_P(AnyGuards, LeavesAloneWhatStaysWithinItsLimit) {
    const CageOutcome outcome = caging_->run({"take", "40"}, {.memory = 64_MiB});
    EXPECT_EQ(outcome.ended_by_us, EndedByUs::no);
    EXPECT_FALSE(outcome.breach.has_value());
    EXPECT_EQ(outcome.exit_code(), 0);
    EXPECT_GE(outcome.peak, 40_MiB);
    EXPECT_LT(outcome.peak, 64_MiB);
}

TEST_P(AnyGuards, EndsDaemonsThatIgnoreAllAndStop) {
    const CageOutcome outcome = caging_->run({"daemons", "8"});
    EXPECT_EQ(outcome.exit_code(), 0);
    EXPECT_THAT(caging_->left(), IsEmpty());
    int processes = 0;
    for (const Residue& residue : outcome.residues) {
        processes += residue.kind == Residue::Kind::process ? 1 : 0;
        EXPECT_TRUE(residue.is_gone);
        EXPECT_EQ(residue.name, "bad_child");
    }
    EXPECT_EQ(processes, 8);
}

TEST_P(AnyGuards, WhatIsKeptLivesOnUntilItIsLetGo) {
    caging_->start_kept({"daemons", "2"});
    EXPECT_EQ(caging_->cage().outcome().exit_code(), 0);
    for (int turns = 0; turns < 3; ++turns) {
        EXPECT_FALSE(caging_->cage().step());
        caging_->cage().sample();
    }
    // Beside what watches over them; they are there once they are the program.
    wait_until([this] { return caging_->left().size() >= 2; });
    caging_->cage().let_go();
    EXPECT_EQ(caging_->finish().residues.size(), 2U);
    wait_until_none_is_left();
}

TEST_P(AnyGuards, FilesAndSegmentsAreKeptThoughNothingRuns) {
    caging_->start_kept({"file"});
    EXPECT_TRUE(std::filesystem::exists(caging_->scratch() / "tmp/left behind"));
    caging_->cage().let_go();
    EXPECT_EQ(caging_->finish().residues.size(), 1U);
    EXPECT_FALSE(std::filesystem::exists(caging_->scratch() / "tmp/left behind"));
}

TEST_P(AnyGuards, NothingThatIsKeptIsLeftWhereTheCageIsKilledOrDropped) {
    caging_->start_kept({"daemons", "2"});
    caging_->cage().kill(EndedByUs::interrupted);
    (void)caging_->finish();
    wait_until_none_is_left();
    caging_->start_kept({"daemons", "2"});
    caging_->forget();
    wait_until([this] { return !std::filesystem::exists(caging_->scratch()); });
    wait_until_none_is_left();
}

TEST_P(AnyGuards, WhatCannotBeginIsNotKept) {
    CageCommand command = caging_->command({});
    command.words = {"/nowhere/at/all"};
    command.keeps = true;
    const auto cage = yard_->start(command, {});
    ASSERT_TRUE(cage.has_value());
    while (!(*cage)->step()) {
        ::poll(nullptr, 0, 1);
    }
    EXPECT_FALSE((*cage)->outcome().began);
    EXPECT_THAT((*cage)->outcome().problem, HasSubstr("/nowhere/at/all"));
}

TEST_P(AnyGuards, KillsWhatDoesNotListen) {
    NamedPipe pipe;
    caging_->start({"deaf", "0", pipe.path()});
    caging_->wait_for(pipe);
    caging_->cage().ask_to_end(EndedByUs::timed_out);
    EXPECT_FALSE(caging_->turn());
    caging_->cage().kill(EndedByUs::interrupted);
    const CageOutcome& outcome = caging_->finish();
    EXPECT_EQ(outcome.ended_by_us, EndedByUs::timed_out);
    EXPECT_EQ(outcome.code, SIGKILL);
    EXPECT_THAT(caging_->left(), IsEmpty());
}

TEST_P(AnyGuards, WhatListensEndsWhenItIsAskedTo) {
    NamedPipe pipe;
    caging_->start({"stay", "0", pipe.path()});
    caging_->wait_for(pipe);
    caging_->cage().ask_to_end(EndedByUs::timed_out);
    EXPECT_EQ(caging_->finish().code, SIGTERM);
}

TEST_P(AnyGuards, EndsWhatForksAsFastAsItCan) {
    const CageLimits limits{.processes = 200};
    NamedPipe pipe;
    caging_->start({"bomb", "600", pipe.path()}, limits);
    caging_->wait_for(pipe);
    caging_->cage().kill(EndedByUs::timed_out);
    (void)caging_->finish();
    EXPECT_THAT(caging_->left(), IsEmpty());
}

TEST_P(AnyGuards, EndsWhatIsAlwaysAnotherProcess) {
    NamedPipe pipe;
    caging_->start({"run-away", "0", pipe.path()});
    caging_->wait_for(pipe);
    caging_->cage().kill(EndedByUs::timed_out);
    (void)caging_->finish();
    EXPECT_THAT(caging_->left(), IsEmpty());
}

TEST_P(AnyGuards, AParentThatIsKilledOrStoppedChangesNothing) {
    for (const char* mode : {"kill-parent", "stop-parent"}) {
        const CageOutcome outcome = caging_->run({mode});
        EXPECT_EQ(outcome.exit_code(), 5) << mode << outcome.problem;
        EXPECT_FALSE(outcome.signalled);
    }
}

TEST_P(AnyGuards, WhoKillsItsParentAndStaysIsEndedLikeAnyOther) {
    for (const bool asks : {true, false}) {
        NamedPipe pipe;
        caging_->start({"kill-parent-and-stay", "0", pipe.path()});
        caging_->wait_for(pipe);
        if (asks) {
            caging_->cage().ask_to_end(EndedByUs::timed_out);
        } else {
            caging_->cage().kill(EndedByUs::timed_out);
        }
        const CageOutcome& outcome = caging_->finish();
        EXPECT_EQ(outcome.code, asks ? SIGTERM : SIGKILL);
        EXPECT_EQ(outcome.ended_by_us, EndedByUs::timed_out);
    }
}

TEST_P(AnyGuards, WhoKillsItsSupervisorEndsAsWell) {
    NamedPipe pipe;
    const CageOutcome outcome = caging_->run({"kill-all-above", "0", pipe.path()});
    EXPECT_TRUE(outcome.signalled);
    EXPECT_THAT(outcome.problem, HasSubstr("was killed"));
    EXPECT_THAT(caging_->left(), IsEmpty());
}

TEST_P(AnyGuards, NothingIsLeftWhereTheCageIsDropped) {
    NamedPipe pipe;
    caging_->start({"deaf", "0", pipe.path()});
    caging_->wait_for(pipe);
    caging_->forget();
    // What watched over it removes its folder when all of it has ended.
    while (!caging_->left().empty() || std::filesystem::exists(caging_->scratch())) {
        ::poll(nullptr, 0, 1);
    }
}

TEST_P(AnyGuards, KeepsStartAndEndOfEndlessOutput) {
    NamedPipe pipe;
    caging_->start({"say-on"});
    while (caging_->cage().outcome().began == false) {
        caging_->turn();
    }
    for (int turns = 0; turns < 40; ++turns) {
        caging_->turn();
    }
    caging_->cage().kill(EndedByUs::timed_out);
    const CageOutcome& outcome = caging_->finish();
    EXPECT_GT(outcome.output_bytes, 0U);
    EXPECT_LE(outcome.output_head.size(), 512U * 1024);
    EXPECT_LE(outcome.output_tail.size(), 512U * 1024);
    EXPECT_EQ(outcome.output_head.front(), 'y');
}

TEST_P(AnyGuards, ToldResidueOfTemporaryFilesIsRemoved) {
    const CageOutcome outcome = caging_->run({"file"});
    ASSERT_EQ(outcome.residues.size(), 1U);
    EXPECT_EQ(outcome.residues[0].kind, Residue::Kind::temporary_file);
    EXPECT_EQ(outcome.residues[0].name, "left behind");
    EXPECT_GE(outcome.residues[0].bytes, 100'000_B);
    EXPECT_TRUE(std::filesystem::is_empty(caging_->scratch() / "tmp"));
}

TEST_P(AnyGuards, ACommandThatClosesAllEndsAsAnyOther) {
    EXPECT_EQ(caging_->run({"close-all"}).exit_code(), 0);
}

TEST_P(AnyGuards, ANameIsNoPlaceToHide) {
    const CageOutcome outcome = caging_->run({"rename"});
    ASSERT_EQ(outcome.residues.size(), 1U);
    EXPECT_EQ(outcome.residues[0].name, "it) is S 1 2 (m");
    EXPECT_THAT(caging_->left(), IsEmpty());
}

TEST_P(AnyGuards, LimitsChangeWhileItRuns) {
    NamedPipe pipe;
    caging_->start({"hold", "40", pipe.path()}, {.memory = 200_MiB});
    caging_->wait_for(pipe);
    EXPECT_TRUE(caging_->cage().change_limits({.memory = 100_MiB}).has_value());
    caging_->cage().kill(EndedByUs::interrupted);
    EXPECT_EQ(caging_->finish().ended_by_us, EndedByUs::interrupted);
}

}  // namespace
}  // namespace hexcore
