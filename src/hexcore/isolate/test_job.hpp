#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/result.hpp"
#include "hexcore/cage/cage.hpp"
#include "hexcore/isolate/repeat_levels.hpp"
#include "hexcore/isolate/test_case.hpp"
#include "hexcore/isolate/test_suite.hpp"

namespace hexcore {

/// Tests that are to run in one process, one after the other.
struct JobRequest {
    std::vector<const TestCase*> tests;  ///< one, but where a framework keeps a process for several
    CageLimits limits = {};
    std::filesystem::path scratch;  ///< an empty folder, removed by the runner once the job is over
    CageShares shares = CageShares::own;
    bool keeps = false;         ///< what a test that passes leaves lives on: a fixture for others
    std::uint32_t repeats = 1;  ///< how often each runs, one time after the other
    /// hexcore-tracer, which a test runs under once more if it has crashed; empty: it does not.
    std::filesystem::path tracer = {};
};

/// What a job says of its tests, in the order in which it happened.
struct JobEvent {
    /// repeat_ends: it has run once, and has `levels` then; before its end.
    /// ends: once more, before another begins, with the judgement alone: that takes the first's
    /// place.
    enum class Kind { begins, repeat_ends, ends } kind = Kind::begins;
    std::size_t test = 0;            ///< in JobRequest::tests
    TestJudgement judgement = {};    ///< of `ends`
    std::optional<Bytes> held = {};  ///< what its process had in memory just then, if it says so
    /// Of `ends`: the most that its process says to have had of each device, as far as it knows.
    std::vector<DevicePeak> devices = {};
    /// `held` was read when the next test may long have run: of use for a peak alone.
    bool is_late = false;
    /// Of `ends`: the same when it began, where that is known only now.
    std::optional<Bytes> held_before = {};
    std::vector<MemoryLevel> levels = {};
    /// Of `ends`: when it began and what it took cannot be told from other tests of its process.
    bool is_blurred = false;
};

/// A process in its cage that runs tests. A test that began and did not end, once the job is over,
/// was ended by what ended the process (Cage::outcome()); tests that never began are left to
/// another job. For one thread.
class TestJob {
public:
    TestJob() = default;
    virtual ~TestJob() = default;  ///< what still runs is killed
    TestJob(const TestJob&) = delete;
    TestJob& operator=(const TestJob&) = delete;

    /// Where the process is: memory, how to end it, how it ended.
    [[nodiscard]] virtual Cage& cage() = 0;
    /// Readable: call step(). The cage's are among them. They may change with each step().
    [[nodiscard]] virtual std::vector<int> descriptors() const = 0;
    /// Takes what has come, adds to `events`. True: it is over, and the cage's outcome is whole.
    [[nodiscard]] virtual bool step(std::vector<JobEvent>& events) = 0;
    /// It is over, but for what its test left: its cage is to be stepped further, and let go.
    [[nodiscard]] virtual bool is_kept() const { return false; }
    /// How long it may take until its first test begins, beside what that test may: it may have
    /// to find its tests first.
    [[nodiscard]] virtual std::chrono::milliseconds start_time() const { return {}; }
    /// The tests have ended, and what runs now looks for why: its memory is none of theirs.
    [[nodiscard]] virtual bool is_looking() const { return false; }
};

/// A job of one test, whose process is what `suite.launch()` says and whose end `suite.judge()`
/// judges. What TestSuite::start() does unless it is overridden.
[[nodiscard]] Result<std::unique_ptr<TestJob>> start_in_process(const TestSuite& suite,
                                                                const JobRequest& request,
                                                                CageYard& yard);

}  // namespace hexcore
