#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

TEST(CageYard, SharedMemoryThatIsLeftIsNamedAndGone) {
    const auto yard = best_yard();
    if (yard->guards().share != ShareGuard::namespaces) {
        GTEST_SKIP() << "namespaces cannot be made here";
    }
    Caging caging(*yard);
    for (const char* mode : {"shared-memory", "segment"}) {
        const CageOutcome outcome = caging.run({mode});
        EXPECT_EQ(outcome.exit_code(), 0);
        ASSERT_EQ(outcome.residues.size(), 1U) << mode;
        EXPECT_EQ(outcome.residues[0].kind, Residue::Kind::shared_memory);
        EXPECT_GE(outcome.residues[0].bytes, 1_MiB);
    }
}

}  // namespace
}  // namespace hexcore
