#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <csignal>

#include "caging.hpp"

namespace hexcore {
namespace {

using test::Caging;
using test::InheritedPipe;
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

TEST(CageYard, HasManyCagesAtATime) {
    const auto yard = best_yard();
    std::vector<std::unique_ptr<Caging>> cages;
    InheritedPipe pipe;
    for (int i = 0; i < 20; ++i) {
        cages.push_back(std::make_unique<Caging>(*yard));
        cages.back()->start({"stay", "0", pipe.writing()}, {.memory = 64_MiB});
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
    InheritedPipe pipe;
    for (const char* mode : {"shared-memory", "segment"}) {
        // It goes on until the supervisor has had its time to see what it made.
        caging.start({mode, "1", pipe.writing()});
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
    InheritedPipe pipe;
    caging.start({"stay", "0", pipe.writing()});
    caging.wait_for(pipe);
    const std::string name = fmt::format("/hexcore-test-{}", ::getpid());
    const FileDescriptor file(::shm_open(name.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600));
    ASSERT_TRUE(file.is_open());
    caging.cage().ask_to_end(EndedByUs::interrupted);
    EXPECT_THAT(caging.finish().residues, IsEmpty());
    EXPECT_EQ(::shm_unlink(name.c_str()), 0);
}

}  // namespace
}  // namespace hexcore
