#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "hexcore/isolate/shared_process_job.hpp"
#include "hexcore/isolate/test_suite.hpp"

namespace hexcore {

/// The tests of a program with Catch2 (2.13 or 3), each in a process of its own; all sections and
/// generators of a test case are that one test.
///
/// A test case is asked for by its name in quotes. Catch2 compares names without regard to case,
/// and a `*` at an end fits anything: where that fits several, version 3 is told the shard of the
/// one that is wanted. Version 2 has no shards and runs all that fit: each of them must pass.
///
/// The report is written to a file as the console has it, with what a failure says; its last line
/// tells that the run came to its end, which an exit code of 0 alone does not.
class Catch2Suite final : public TestSuite {
public:
    /// `command`: the program and its arguments. What they select is what is listed.
    explicit Catch2Suite(std::vector<std::string> command) : command_(std::move(command)) {}

    [[nodiscard]] Framework framework() const override { return Framework::catch2; }
    [[nodiscard]] Result<std::vector<TestCase>> list(const std::atomic<bool>* stop) override;
    [[nodiscard]] Result<std::unique_ptr<TestJob>> start(const JobRequest& request,
                                                         CageYard& yard) override;
    [[nodiscard]] TestLaunch launch(const TestCase& test,
                                    const std::filesystem::path& scratch) const override;
    [[nodiscard]] TestJudgement judge(const TestCase& test, const CageOutcome& outcome,
                                      const std::filesystem::path& scratch) const override;

private:
    struct Selection {
        std::string specification;
        std::uint32_t index = 0;
        std::uint32_t count = 1;
    };

    void select(const std::vector<TestCase>& tests);
    /// Several tests in one process.
    [[nodiscard]] Result<SharedLaunch> launch_shared(const JobRequest& request) const;

    std::vector<std::string> command_;
    std::vector<std::string> base_;  ///< the command without what selects, reports or lists
    unsigned version_ = 0;
    std::unordered_map<std::string, Selection> selections_;  ///< by id
};

}  // namespace hexcore
