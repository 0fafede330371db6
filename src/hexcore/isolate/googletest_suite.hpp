#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "hexcore/isolate/shared_process_job.hpp"
#include "hexcore/isolate/test_suite.hpp"

namespace hexcore {

/// The tests of a program with GoogleTest (1.10 or later), each in a process of its own.
///
/// What to run is told by a filter of the test's name. A filter cannot escape the characters that
/// it gives a meaning (`*`, `:`, `-`), so they are asked for as `?`, and where that fits several
/// tests the shard of the one that is wanted is named as well: GoogleTest deals the tests that fit
/// to shards in the order in which it lists them.
///
/// Budgets have to be known before a test runs. So the program is asked for them when it lists its
/// tests: HEXCORE_TEST_BUDGETS names a file, to which integrations/gtest adds what
/// HEXCORE_TEST_MEMORY and its like say (docs/formats/test-budgets.md). A budget by
/// RecordProperty("hexcore.memory", "512MiB") is known only afterwards, and held against the peak.
class GoogletestSuite final : public TestSuite {
public:
    /// `command`: the program and its arguments, which come before those of Hexcore.
    explicit GoogletestSuite(std::vector<std::string> command) : command_(std::move(command)) {}

    [[nodiscard]] Framework framework() const override { return Framework::googletest; }
    [[nodiscard]] Result<std::vector<TestCase>> list(const std::atomic<bool>* stop) override;
    [[nodiscard]] Result<std::unique_ptr<TestJob>> start(const JobRequest& request,
                                                         CageYard& yard) override;
    [[nodiscard]] TestLaunch launch(const TestCase& test,
                                    const std::filesystem::path& scratch) const override;
    [[nodiscard]] TestJudgement judge(const TestCase& test, const CageOutcome& outcome,
                                      const std::filesystem::path& scratch) const override;
    /// Of flags that mean nothing where each test has a process of its own.
    [[nodiscard]] std::vector<std::string> notes() const override;

private:
    /// How one test alone is asked for: the shard `index` of `count` that fit the filter.
    struct Selection {
        std::string filter;
        std::uint32_t index = 0;
        std::uint32_t count = 1;
    };

    [[nodiscard]] bool runs_disabled() const;
    void select(const std::vector<TestCase>& tests);
    /// Several tests in one process, or one several times.
    [[nodiscard]] Result<SharedLaunch> launch_shared(const JobRequest& request) const;

    std::vector<std::string> command_;
    std::unordered_map<std::string, Selection> selections_;  ///< by id
};

}  // namespace hexcore
