#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <csignal>

#include "caging.hpp"
#include "hexcore/cage/control_cell.hpp"
#include "hexcore/cage/descendants.hpp"
#include "hexcore/cage/yard_cells.hpp"
#include "hexcore/device/control_group.hpp"

namespace hexcore {
namespace {

using test::Caging;
using test::NamedPipe;
using ::testing::IsEmpty;

std::unique_ptr<CageYard> best_yard() {
    auto yard = CageYard::open({.supervisor = HEXCORE_SUPERVISOR});
    EXPECT_TRUE(yard.has_value()) << yard.error().message;
    return yard ? *std::move(yard) : nullptr;
}

TEST(CageYard, SaysWhyABetterGuardIsMissing) {
    const auto yard = best_yard();
    const Guards& guards = yard->guards();
    if (guards.memory != MemoryGuard::cgroup_v2) {
        EXPECT_FALSE(guards.why.empty());
    }
    for (const std::string& sentence : guards.why) {
        EXPECT_TRUE(sentence.ends_with('.')) << sentence;
    }
}

TEST(CageYard, NamesWhatIsMissingWhereThereIsNoSupervisor) {
    const auto yard = CageYard::open({.supervisor = "/no/such/supervisor"});
    if (yard) {
        const auto cage = (*yard)->start({.words = {"true"}, .environment = {}}, {});
        ASSERT_FALSE(cage.has_value());
        EXPECT_EQ(cage.error().code, ErrorCode::usage);
    }
}

TEST(CageYard, RefusesLimitsInWhichNoProgramStarts) {
    const auto yard = best_yard();
    const CageCommand command{.words = {"true"}, .environment = {}};
    for (const Bytes limit : {0_B, 1_KiB}) {
        const auto cage = yard->start(command, {.memory = limit});
        ASSERT_FALSE(cage.has_value());
        EXPECT_EQ(cage.error().code, ErrorCode::usage);
        EXPECT_FALSE(yard->prepare({.memory = limit}, {}).has_value());
    }
    EXPECT_FALSE(yard->start(command, {.processes = 0}).has_value());
    EXPECT_TRUE(yard->start(command, {.memory = 1_MiB}).has_value());
}

TEST(CageYard, HasManyCagesAtATime) {
    const auto yard = best_yard();
    std::vector<std::unique_ptr<Caging>> cages;
    NamedPipe pipe;
    for (int i = 0; i < 20; ++i) {
        cages.push_back(std::make_unique<Caging>(*yard));
        cages.back()->start({"stay", "0", pipe.path()}, {.memory = 64_MiB});
    }
    for (const auto& caging : cages) {
        caging->wait_for(pipe);
    }
    for (const auto& caging : cages) {
        caging->cage().kill(EndedByUs::interrupted);
        EXPECT_EQ(caging->finish().code, SIGKILL);
        EXPECT_THAT(caging->left(), IsEmpty());
    }
}

void expect_shared_memory_gone(ShareGuard guard) {
    const auto yard = CageYard::open(
        {.supervisor = HEXCORE_SUPERVISOR, .memory = {}, .kill = {}, .share = guard});
    if (!yard) {
        GTEST_SKIP() << yard.error().message;
    }
    Caging caging(**yard);
    NamedPipe pipe;
    for (const char* mode : {"shared-memory", "segment"}) {
        // It goes on until the supervisor has had its time to see what it made.
        caging.start({mode, "1", pipe.path()});
        caging.wait_for(pipe);
        caging.cage().ask_to_end(EndedByUs::interrupted);
        const CageOutcome& outcome = caging.finish();
        ASSERT_EQ(outcome.residues.size(), 1U) << mode;
        EXPECT_EQ(outcome.residues[0].kind, Residue::Kind::shared_memory);
        EXPECT_GE(outcome.residues[0].bytes, 1_MiB);
        EXPECT_TRUE(outcome.residues[0].is_gone);
        EXPECT_FALSE(std::filesystem::exists(outcome.residues[0].name));
    }
}

TEST(CageYard, SharedMemoryThatIsLeftIsNamedAndGone) {
    expect_shared_memory_gone(ShareGuard::namespaces);
}

TEST(CageYard, SharedMemoryThatWasSeenOpenIsNamedAndGone) {
    expect_shared_memory_gone(ShareGuard::observation);
}

TEST(CageYard, SharedMemoryOfOthersIsLeftAlone) {
    const auto yard = CageYard::open({.supervisor = HEXCORE_SUPERVISOR,
                                      .memory = {},
                                      .kill = {},
                                      .share = ShareGuard::observation});
    ASSERT_TRUE(yard.has_value());
    Caging caging(**yard);
    NamedPipe pipe;
    caging.start({"stay", "0", pipe.path()});
    caging.wait_for(pipe);
    const std::string name = fmt::format("/hexcore-test-{}", ::getpid());
    const FileDescriptor file(::shm_open(name.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600));
    ASSERT_TRUE(file.is_open());
    caging.cage().ask_to_end(EndedByUs::interrupted);
    EXPECT_THAT(caging.finish().residues, IsEmpty());
    EXPECT_EQ(::shm_unlink(name.c_str()), 0);
}

TEST(CageYard, AFileOfAnothersUnderANameThatWasTheCommandsIsLeftAlone) {
    const auto yard = CageYard::open({.supervisor = HEXCORE_SUPERVISOR,
                                      .memory = {},
                                      .kill = {},
                                      .share = ShareGuard::observation});
    ASSERT_TRUE(yard.has_value());
    Caging caging(**yard);
    const NamedPipe pipe;
    const std::string file = fmt::format("/dev/shm/hexcore-test-again-{}", ::getpid());
    CageCommand command = caging.command({});
    command.words = {
        "/bin/sh", "-c",
        fmt::format("exec 3> {0}; rm {0}; echo r > {1}; sleep 1000", file, pipe.path())};
    auto cage = (*yard)->start(command, {});
    ASSERT_TRUE(cage.has_value());
    char byte = 0;
    ASSERT_EQ(::read(pipe.reading(), &byte, 1), 1);
    const FileDescriptor ours(::open(file.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
    ASSERT_TRUE(ours.is_open());
    (*cage)->kill(EndedByUs::interrupted);
    while (!(*cage)->step()) {
        ::poll(nullptr, 0, 1);
    }
    EXPECT_THAT((*cage)->outcome().residues, IsEmpty());
    EXPECT_EQ(::unlink(file.c_str()), 0);
}

TEST(CageYard, AStoppedServerOfSupervisorsGoesOnForTheNext) {
    const auto yard = best_yard();
    Caging caging(*yard);
    EXPECT_EQ(caging.run({"exit", "3"}).code, 3);
    std::vector<pid_t> children;
    list_descendants(::getpid(), children);
    ASSERT_FALSE(children.empty());  // the first is its own; those below may have ended by now
    ::kill(children.front(), SIGSTOP);
    EXPECT_EQ(caging.run({"exit", "4"}).code, 4);
    // Where it was killed there is another.
    ::kill(children.front(), SIGKILL);
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(children.front()), &info, WEXITED | WNOWAIT);
    EXPECT_EQ(caging.run({"exit", "5"}).code, 5);
}

/// The process that forks supervisors for yards of this one; 0: there is none.
pid_t supervisor_server() {
    std::vector<pid_t> found;
    list_descendants(::getpid(), found);
    for (const pid_t pid : found) {
        const auto words = ProcRoot{}.read_if_there(fmt::format("/proc/{}/cmdline", pid));
        if (words && *words && (*words)->find("--serve") != std::string::npos &&
            parent_of_process(pid) == ::getpid()) {
            return pid;
        }
    }
    return 0;
}

TEST(CageYard, SupervisorsThatWaitAndAreStoppedOrKilledKeepNoCommandFromItsStart) {
    const auto yard = best_yard();
    Caging caging(*yard);
    for (const int signal : {SIGSTOP, SIGKILL}) {
        EXPECT_EQ(caging.run({"exit", "3"}).code, 3);
        std::vector<pid_t> waiting;
        list_descendants(supervisor_server(), waiting);
        for (const pid_t pid : waiting) {
            ::kill(pid, signal);
        }
        EXPECT_EQ(caging.run({"exit", "4"}).code, 4) << signal;
    }
}

TEST(CageYard, WhatAServerThatIsKilledWasToStartIsStartedWithoutIt) {
    const auto yard = best_yard();
    Caging caging(*yard);
    // Whether it has forked a supervisor by then is up to the kernel.
    for (int code = 1; code <= 20; ++code) {
        caging.start({"exit", std::to_string(code)});
        if (const pid_t server = supervisor_server(); server != 0) {
            ::kill(server, SIGKILL);
            // The next command's supervisor would else be its, and taken for it when it has ended.
            siginfo_t info{};
            ::waitid(P_PID, static_cast<id_t>(server), &info, WEXITED | WNOWAIT);
        }
        const CageOutcome& outcome = caging.finish();
        EXPECT_TRUE(outcome.began) << outcome.problem;
        EXPECT_EQ(outcome.code, code) << outcome.problem;
    }
}

TEST(CageYard, WhereTheServerMayNotForkTheCommandIsStartedWithoutIt) {
    const auto groups = control_groups({}, "pids");
    if (!groups || groups->empty()) {
        GTEST_SKIP() << "there are no control groups here that count processes";
    }
    const auto group = YardFolder::make(groups->front().folder);
    if (!group || !write_to_group(group->path() + "/pids.max", "1")) {
        GTEST_SKIP() << "no control group that limits processes can be made here";
    }
    auto yard = best_yard();
    Caging caging(*yard);
    EXPECT_EQ(caging.run({"exit", "3"}).code, 3);
    ASSERT_GT(supervisor_server(), 0);
    const auto moved =
        write_to_group(group->path() + "/cgroup.procs", std::to_string(supervisor_server()));
    ASSERT_TRUE(moved.has_value()) << moved.error().message;
    // Some supervisors are there already.
    for (int code = 1; code <= 10; ++code) {
        const CageOutcome outcome = caging.run({"exit", std::to_string(code)});
        EXPECT_TRUE(outcome.began) << outcome.problem;
        EXPECT_EQ(outcome.code, code) << outcome.problem;
    }
    yard.reset();
}

TEST(CageYard, GivesUpBeingWhereOrphansGo) {
    int is_subreaper = 1;
    { const auto yard = best_yard(); }
    ::prctl(PR_GET_CHILD_SUBREAPER, &is_subreaper);
    EXPECT_EQ(is_subreaper, 0);
}

}  // namespace
}  // namespace hexcore
