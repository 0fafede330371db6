#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/isolate/machine_room.hpp"
#include "hexcore/isolate/run_events.hpp"
#include "hexcore/isolate/test_job.hpp"

namespace hexcore {

/// A cage in which nothing runs.
class PaperCage : public Cage {
public:
    explicit PaperCage(CageOutcome outcome = {}) : outcome_(std::move(outcome)) {}

    std::vector<int> descriptors() const override { return {}; }
    bool step() override { return true; }
    void sample() override {}
    std::chrono::milliseconds next_sample_in() const override {
        return std::chrono::milliseconds(1);
    }
    pid_t pid() const override { return 1; }
    Bytes held() const override { return {}; }
    Bytes peak() const override { return outcome_.peak; }
    void forget_peak() override {}
    std::vector<MemoryOwner> owners() const override { return {{1, "paper", {}}}; }
    void take_device_reading(const std::string&, const std::vector<MemoryOwner>&) override {}
    Result<void> change_limits(const CageLimits&) override { return {}; }
    void ask_to_end(EndedByUs why) override { outcome_.ended_by_us = why; }
    void kill(EndedByUs why) override { outcome_.ended_by_us = why; }
    void send_signal(int) override {}
    bool take_stopped() override { return false; }
    const CageOutcome& outcome() const override { return outcome_; }

private:
    CageOutcome outcome_;
};

/// A process that says what a test has written down: some events a step, then it is over.
class PaperJob : public TestJob {
public:
    using Steps = std::deque<std::vector<JobEvent>>;
    explicit PaperJob(Steps steps, CageOutcome outcome = {})
        : steps_(std::move(steps)), cage_(std::move(outcome)) {}

    Cage& cage() override { return cage_; }
    std::vector<int> descriptors() const override { return {readable_.get()}; }
    bool step(std::vector<JobEvent>& events) override {
        if (!steps_.empty()) {
            events = std::move(steps_.front());
            steps_.pop_front();
        }
        return steps_.empty();
    }

    static JobEvent begins(std::size_t test) { return {JobEvent::Kind::begins, test, {}, {}}; }
    static JobEvent ends(std::size_t test, TestJudgement::Kind kind = TestJudgement::Kind::passed) {
        TestJudgement judgement;
        judgement.kind = kind;
        return {JobEvent::Kind::ends, test, std::move(judgement), {}};
    }

private:
    Steps steps_;
    PaperCage cage_;
    FileDescriptor readable_{"/dev/null"};  // always
};

/// Starts what it is given for each request; pytest's, since that has groups.
class PaperSuite : public TestSuite {
public:
    using Start = std::function<std::unique_ptr<TestJob>(const JobRequest&)>;
    explicit PaperSuite(Start start) : start_(std::move(start)) {}

    Framework framework() const override { return Framework::pytest; }
    Result<std::vector<TestCase>> list(const std::atomic<bool>*) override {
        return std::vector<TestCase>{};
    }
    Result<std::unique_ptr<TestJob>> start(const JobRequest& request, CageYard&) override {
        return start_(request);
    }

private:
    Start start_;
};

/// Is never asked for a cage.
class PaperYard : public CageYard {
public:
    const Guards& guards() const override { return guards_; }
    Result<std::unique_ptr<Cage>> start(const CageCommand&, const CageLimits&) override {
        return std::unique_ptr<Cage>(std::make_unique<PaperCage>());
    }
    Result<AdoptedCage> prepare(const CageLimits&, const AdoptedFiles&) override {
        return fail(ErrorCode::negative, "there is none");
    }

private:
    Guards guards_;
};

class AmpleRoom : public MachineRoom {
public:
    TestMachine machine() const override { return {2, 8_GiB, 8_GiB, {}}; }
    RoomReading read(Bytes) override { return {{8_GiB, {}}, 8_GiB, false, {}}; }
    std::string holders(const std::vector<std::uint32_t>&) override { return {}; }
};

class SilentEvents : public RunEvents {
public:
    void begins(const TestRun&, std::size_t) override {}
    void test_begins(const TestCase&) override {}
    void tries_again(const TestCase&, const Attempt&, const std::string&) override {}
    void test_ends(const TestResult&) override {}
    void says(const std::string&) override {}
    void progress(const RunProgress&, bool) override {}
    void ends(const TestRun&) override {}
};

}  // namespace hexcore
