#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hexcore/isolate/pytest_channel.hpp"
#include "hexcore/isolate/pytest_server.hpp"
#include "hexcore/isolate/test_job.hpp"

namespace hexcore {

/// Numbers of workers, of which no two that run at once have the same.
class PytestSlots {
public:
    [[nodiscard]] std::uint32_t take();
    void give_back(std::uint32_t slot) { taken_.erase(slot); }

private:
    std::set<std::uint32_t> taken_;
};

/// Tests in a worker of pytest, which says of each how it went. Its suite outlives it.
class PytestJob : public TestJob {
public:
    /// What it is made of, once the worker is on its way.
    struct Parts {
        std::unique_ptr<Cage> cage;
        FileDescriptor channel;
        std::vector<std::uint64_t> numbers;  ///< of its tests, as the server counts
        bool waits = false;                  ///< to be told that it may begin, once it is caged
        PytestServer* server = nullptr;
        PytestSlots* slots = nullptr;
        std::uint32_t slot = 0;
        /// What the suite has been told: why nothing more is to be started.
        std::string* stop_reason = nullptr;
        std::chrono::milliseconds start_time{};
        /// The same tests without the server, where the worker never came: the server has ended, or
        /// what it forked.
        std::function<Result<std::unique_ptr<TestJob>>()> start_anew = {};
    };
    explicit PytestJob(Parts parts);
    ~PytestJob() override;

    [[nodiscard]] Cage& cage() override { return instead_ ? instead_->cage() : *parts_.cage; }
    [[nodiscard]] std::vector<int> descriptors() const override;
    [[nodiscard]] bool step(std::vector<JobEvent>& events) override;
    [[nodiscard]] std::chrono::milliseconds start_time() const override {
        return parts_.start_time;
    }

private:
    void take(PytestMessage& message, std::vector<JobEvent>& events);
    /// Whether another job takes this one's place, whose worker was never forked.
    [[nodiscard]] bool starts_anew(std::vector<JobEvent>& events);
    void give_slot_back();
    /// What ends the worker in the middle of a test ends the test.
    void end_lost(std::vector<JobEvent>& events);
    /// What the worker has of its own, beside what it shares with where it was forked from.
    [[nodiscard]] Bytes held_by(const PytestMessage& message) const;
    [[nodiscard]] std::string captured_until_then() const;
    /// Ends a worker whose test writes without end into what pytest captures: a file, and so the
    /// machine's disk.
    void end_endless_output();
    /// Gives up the server where it does not fork the worker: as long as it does not, there is no
    /// supervisor that could end anything.
    void mind_server();

    Parts parts_;
    PytestChannel channel_;
    std::vector<FileDescriptor> captured_;
    FileDescriptor timer_;  ///< readable when it is time to look at them
    std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
    std::optional<std::chrono::steady_clock::time_point> ended_by_us_ = {};
    Bytes inherited_;
    std::optional<std::size_t> running_;  ///< the test that has begun
    bool is_told_ = false;                ///< that it may begin
    std::unique_ptr<TestJob> instead_;
    std::string problem_;  ///< why there is no worker, or why it was ended
};

}  // namespace hexcore
