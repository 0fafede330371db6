#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hexcore/isolate/pytest_channel.hpp"
#include "hexcore/isolate/test_case.hpp"
#include "hexcore/process/child_start.hpp"

namespace hexcore {

/// The tests that a pytest collected, and what its options say of how they are to be run.
struct PytestListing {
    std::vector<TestCase> tests;  ///< in their order there
    std::string spawn;  ///< why each worker is to be a new pytest; empty: it is to be forked
    std::uint64_t most_failures = 0;  ///< then nothing more is started; 0: whatever fails
};

/// A pytest that has collected its tests and forks workers. It ends with this process.
class PytestServer {
public:
    /// Fails with ErrorCode::usage for what cannot be started.
    [[nodiscard]] static Result<std::unique_ptr<PytestServer>> start(
        const std::vector<std::string>& command);

    /// Waits until the tests are collected. Fails with ErrorCode::usage, in pytest's words, where
    /// there are none because of an error, and with ErrorCode::interrupted once `stop` is set.
    [[nodiscard]] Result<PytestListing> list(const std::atomic<bool>* stop);

    /// A worker that begins once it is told so through the other end of the first descriptor.
    /// Fails with ErrorCode::does_not_fit where the server has ended. Where it ends before it reads
    /// that, there is no worker either.
    [[nodiscard]] Result<void> fork_worker(const nlohmann::json& message,
                                           const std::vector<int>& descriptors);
    /// As far as is known, or it was given up.
    [[nodiscard]] bool has_ended();
    /// Tells its plugins of a test that began and did not end.
    void report_lost(std::uint64_t test, const std::string& reason);

    /// Why nothing more is to be started, as far as it has said until now; empty: go on.
    [[nodiscard]] const std::string& stop_reason();
    /// What it wrote to stdout and stderr.
    [[nodiscard]] std::string log() const;
    /// It does not answer: it ends, and with it what was sent to it and not read, supervisors'
    /// descriptors among them.
    void give_up();
    /// Lets its plugins finish (write their reports), and waits for that, at most so long.
    void finish(std::chrono::milliseconds most);

private:
    PytestServer(std::string program, FileDescriptor socket, FileDescriptor log)
        : program_(std::move(program)), channel_(std::move(socket)), log_(std::move(log)) {}

    [[nodiscard]] Error ended_early();

    std::string program_;
    PytestChannel channel_;
    FileDescriptor log_;
    Pipe failure_;
    std::optional<Running> process_;
    bool is_given_up_ = false;
    std::string stop_reason_;
};

}  // namespace hexcore
