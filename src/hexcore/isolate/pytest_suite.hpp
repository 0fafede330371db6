#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hexcore/isolate/pytest_job.hpp"
#include "hexcore/isolate/pytest_server.hpp"
#include "hexcore/isolate/test_job.hpp"
#include "hexcore/isolate/test_suite.hpp"

namespace hexcore {

/// Tests that a pytest command collects: by default the tests of a file in one worker, forked from
/// the pytest that collected them (docs/decisions/0028-pytest-workers.md).
class PytestSuite : public TestSuite {
public:
    explicit PytestSuite(std::vector<std::string> command) : command_(std::move(command)) {}
    [[nodiscard]] Framework framework() const override { return Framework::pytest; }
    [[nodiscard]] Result<std::vector<TestCase>> list(const std::atomic<bool>* stop) override;
    [[nodiscard]] Result<std::unique_ptr<TestJob>> start(const JobRequest& request,
                                                         CageYard& yard) override;

    [[nodiscard]] std::string stop_reason() override;
    /// What is to be said of how the tests run, a sentence each.
    [[nodiscard]] std::vector<std::string> notes() const override;
    void finish(std::chrono::milliseconds most) override;

private:
    [[nodiscard]] Result<std::unique_ptr<TestJob>> start_forked(const JobRequest& request,
                                                                CageYard& yard);
    [[nodiscard]] Result<std::unique_ptr<TestJob>> start_spawned(const JobRequest& request,
                                                                 CageYard& yard);
    void note_if_server_ended();

    std::vector<std::string> command_;
    std::unique_ptr<PytestServer> server_;
    PytestListing listing_;
    std::chrono::milliseconds collecting_{};        ///< how long that took
    std::map<std::string, std::uint64_t> numbers_;  ///< of ids
    PytestSlots slots_;
    std::string stop_reason_;
    std::uint64_t jobs_ = 0;
};

}  // namespace hexcore
