#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <string>
#include <vector>

#include "hexcore/isolate/history.hpp"
#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

/// A history that several processes write to.
class HistoryBesideOthers : public testing::Test {
protected:
    [[nodiscard]] bool add(const std::unique_ptr<TestHistory>& history,
                           const std::string& test) const {
        return history
            ->add("suite", {{test, PastRun{.duration_ms = 5, .host = 7_MiB}}},
                  std::chrono::seconds(60))
            .has_value();
    }
    TestHistory::Runs runs() const {
        auto history = TestHistory::open(file_);
        EXPECT_TRUE(history) << history.error().message;
        const auto read = (*history)->runs("suite");
        EXPECT_TRUE(read) << read.error().message;
        EXPECT_EQ((*history)->take_set_aside(), "") << "it was damaged";
        return *read;
    }

    test::TempFolder folder_;
    std::filesystem::path file_ = folder_ / "tests.sqlite";
};

TEST_F(HistoryBesideOthers, RunnersThatWriteAtTheSameTimeLoseNothing) {
    constexpr int writers = 4;
    constexpr int each = 10;
    std::vector<pid_t> children;
    for (int writer = 0; writer < writers; ++writer) {
        children.push_back(::fork());
        if (children.back() == 0) {
            auto history = TestHistory::open(file_);
            bool is_kept = history.has_value();
            for (int run = 0; is_kept && run < each; ++run) {
                is_kept = add(*history, "of " + std::to_string(writer)) && add(*history, "of all");
            }
            ::_exit(is_kept ? 0 : 1);
        }
    }
    for (const pid_t child : children) {
        int status = -1;
        EXPECT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_EQ(status, 0);
    }
    const TestHistory::Runs kept = runs();
    for (int writer = 0; writer < writers; ++writer) {
        EXPECT_EQ(kept.at("of " + std::to_string(writer)).size(), each);
    }
    EXPECT_EQ(kept.at("of all").size(), std::min(writers * each, TestHistory::kept_runs));
}

TEST_F(HistoryBesideOthers, ARunnerThatIsKilledLosesNothingThatItHadKept) {
    for (const int moment : {0, 1, 3, 7}) {
        std::array<int, 2> told{-1, -1};
        ASSERT_EQ(::pipe(told.data()), 0);
        const std::string test = "moment " + std::to_string(moment);
        const pid_t child = ::fork();
        if (child == 0) {
            auto history = TestHistory::open(file_);
            while (history && add(*history, test)) {
                (void)!::write(told[1], "k", 1);
            }
            ::_exit(1);
        }
        ::close(told[1]);
        char byte = 0;
        for (int run = 0; run < moment; ++run) {
            ASSERT_EQ(::read(told[0], &byte, 1), 1);
        }
        ::kill(child, SIGKILL);
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_TRUE(WIFSIGNALED(status));
        ::close(told[0]);
        const TestHistory::Runs kept = runs();
        const auto found = kept.find(test);
        EXPECT_GE(found == kept.end() ? 0U : found->second.size(),
                  static_cast<std::size_t>(moment));
        for (const auto& [id, past] : kept) {
            for (const PastRun& run : past) {
                EXPECT_EQ(run.host, 7_MiB) << id;
            }
        }
    }
}

TEST(LearnedSize, IsTheLargestOfTheLastFiveRunsAndFifteenPercent) {
    std::vector<PastRun> runs;
    for (const Bytes host : {100_MiB, 10_MiB, 20_MiB, 40_MiB, 30_MiB, 20_MiB}) {
        runs.push_back(
            {.duration_ms = 1000, .host = host, .devices = {{"cuda:0", host}, {"cuda:1", 0_B}}});
    }
    const auto learned = learned_size(runs);
    ASSERT_TRUE(learned);
    EXPECT_EQ(learned->largest.host, 40_MiB);
    EXPECT_EQ(learned->need.host, 46_MiB);
    EXPECT_EQ(learned->need.devices.at(0).limit, 46_MiB);
    EXPECT_EQ(learned->need.devices.at(1).limit, 0_B);
    EXPECT_EQ(learned->seconds, 1);
}

}  // namespace
}  // namespace hexcore
