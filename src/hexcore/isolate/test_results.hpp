#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/cage/guards.hpp"
#include "hexcore/cage/outcome.hpp"
#include "hexcore/isolate/test_case.hpp"
#include "hexcore/judge/verdict.hpp"
#include "hexcore/recording/recording.hpp"

namespace hexcore {

enum class TestVerdict {
    passed,
    failed,
    crashed,  ///< a signal, or an end in the middle
    timed_out,
    over_budget,  ///< its own, or alone what the whole run may have
    skipped,
    postponed,     ///< what it needs was not free up to its deadline: it never ran
    flaky,         ///< passed after it had failed
    flaky_memory,  ///< passed alone, after memory had been short beside others
};

enum class MemoryVerdict {
    clean,
    kept,            ///< a test that others follow in its process left memory behind
    leak,            ///< it had more after each time that it ran again in its process
    residue,         ///< something held memory after the test's own end
    unattributable,  ///< something was left where several tests ran: it cannot be said by which
};

/// As in JSON, and for people. "timed_out", "flaky_memory".
[[nodiscard]] const char* name(TestVerdict verdict);
[[nodiscard]] const char* name(MemoryVerdict verdict);
[[nodiscard]] const char* name(Framework framework);

/// Whether the run is to fail because of it. A flaky one is no failure, a skip neither.
[[nodiscard]] bool is_failure(TestVerdict verdict);

struct MemorySample {
    std::chrono::milliseconds time{};  ///< since the attempt began
    Bytes bytes;
};

/// What a test used of a device, as its driver says.
struct DeviceUse {
    std::string device;
    Bytes peak = {};
    std::vector<MemorySample> samples = {};  ///< thinned: 200 at most
};

/// What a test needs at once, as far as that is known.
struct TestNeed {
    Bytes host;
    std::vector<DeviceLimit> devices = {};
};

/// One time that a test ran, as far as later runs are interested.
struct PastRun {
    std::int64_t at_s = 0;  ///< since 1970
    double duration_ms = 0;
    Bytes host = {};
    std::vector<DeviceLimit> devices = {};
    Bytes kept = {};
    TestVerdict verdict = TestVerdict::passed;
};

/// Where a test crashed.
struct CrashStack {
    struct Frame {
        std::string name;     ///< "keep() at train.cpp:88", printable
        bool is_own = false;  ///< of the program or what it brings, not of the system
    };
    std::vector<Frame> frames = {};  ///< the innermost first
    std::string note = {};           ///< why there are none, or what else there is to say

    [[nodiscard]] bool is_empty() const { return frames.empty() && note.empty(); }
};

/// What one device had after each time that a test ran in its process.
struct DeviceGrowth {
    std::string device;  ///< "host"
    Judgement judgement;
};

/// Tests that ran in one process, one after the other.
struct TestsOfProcess {
    std::size_t count = 0;   ///< two or more
    std::string first = {};  ///< its id
    std::string last = {};
};
/// "one of the 3 tests of its process, test_a to test_c".
[[nodiscard]] std::string one_of(const TestsOfProcess& tests);

/// One time that a test ran.
struct Attempt {
    TestVerdict verdict = TestVerdict::passed;
    std::string reason = {};  ///< why it is not passed; one line or a few, as the framework says it
    std::string output = {};  ///< raw bytes; where it was long its start and end
    std::chrono::nanoseconds start{};  ///< since the run began
    std::chrono::nanoseconds duration{};
    Bytes peak = {};
    std::vector<DeviceUse> devices = {};
    std::vector<MemorySample> samples = {};  ///< of main memory, thinned: 200 at most
    std::optional<Breach> breach = {};
    std::vector<Residue> residues = {};
    std::optional<int> signal = {};
    CrashStack stack = {};
    KilledBy killed_by = KilledBy::unknown;
    std::uint32_t slot = 0;                 ///< the place that it had, of as many as run at once
    std::vector<DeviceGrowth> growth = {};  ///< over its repeats; none: it ran once
    /// If anything was left in its process, or of it, one of these did it; nothing: this one.
    std::optional<TestsOfProcess> left_by_one_of = {};
    bool alone = false;        ///< nothing else ran beside it
    bool for_memory = false;   ///< ended by us since the machine's memory was short
    bool interrupted = false;  ///< ended by us since somebody interrupted the run
};

struct TestResult {
    TestCase test;
    TestVerdict verdict = TestVerdict::passed;
    MemoryVerdict memory = MemoryVerdict::clean;
    Bytes kept = {};  ///< of MemoryVerdict::kept, residue and unattributable; of leak in all
    std::string reason = {};
    std::vector<Attempt> attempts = {};    ///< empty: it never ran
    std::optional<TestNeed> learned = {};  ///< from runs before this one
    std::vector<PastRun> history = {};     ///< runs before this one, oldest first
    [[nodiscard]] const Attempt* last() const {
        return attempts.empty() ? nullptr : &attempts.back();
    }
    /// Who may have left what was left, of MemoryVerdict::unattributable, or the residues of a
    /// leak's attempts; null: it did.
    [[nodiscard]] const TestsOfProcess* left_by_one_of() const;
};

/// Where tests ran.
struct TestMachine {
    std::uint32_t cores = 0;  ///< that this process may use
    Bytes memory;             ///< in all, or what a control group gives
    Bytes free;               ///< at the start
    struct Device {
        std::string name;  ///< "cuda:0"
        Bytes total;
        Bytes free;
        std::string uuid = {};  ///< the driver's; empty: not known
    };
    std::vector<Device> devices = {};
    bool tells_device_holders = true;  ///< whose memory it is; else budgets of GPUs are not kept
};

struct TestRun {
    Framework framework = Framework::googletest;
    std::vector<std::string> command = {};
    TestMachine machine = {};
    Guards guards = {};
    std::uint32_t slots = 1;  ///< how many could run at once
    std::chrono::system_clock::time_point started = {};
    std::chrono::nanoseconds duration{};
    Bytes most_at_once;  ///< the most main memory that tests had together
    bool interrupted = false;
    std::uint32_t deselected = 0;          ///< by filters and partitions
    std::size_t not_run = 0;               ///< since it was interrupted, or had failures enough
    std::vector<std::string> notes = {};   ///< sentences for whoever reads the results
    std::vector<TestResult> results = {};  ///< as they ended
};

}  // namespace hexcore
