#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "hexcore/isolate/machine_room.hpp"
#include "hexcore/isolate/memory_curve.hpp"
#include "hexcore/isolate/run_events.hpp"
#include "hexcore/isolate/schedule.hpp"
#include "hexcore/isolate/test_job.hpp"
#include "hexcore/isolate/test_results.hpp"

namespace hexcore {

/// A test that is over in its process, and what it left there.
struct EndedTest {
    std::size_t test = 0;  ///< as the run counts them
    Attempt attempt = {};
    Bytes kept = {};
};

/// A process that runs tests, from its start to its end: which test runs, since when, with how much
/// memory. Times count from the start of the run.
class RunningJob {
public:
    using Time = std::chrono::nanoseconds;

    struct Facts {
        std::size_t job = 0;                  ///< of the schedule
        std::vector<std::size_t> tests = {};  ///< as the run counts them
        std::vector<const TestCase*> cases = {};
        TestNeed need = {};  ///< what it was let in with
        std::uint32_t slot = 0;
        std::uint32_t processors = 1;
        bool alone = false;
        std::filesystem::path scratch = {};
        std::chrono::milliseconds timeout{};  ///< of tests without one; 0: none
        std::chrono::milliseconds grace{};
    };
    RunningJob(Facts facts, std::unique_ptr<TestJob> process, Time now);

    [[nodiscard]] const Facts& facts() const { return facts_; }
    [[nodiscard]] std::vector<int> descriptors() const { return process_->descriptors(); }
    [[nodiscard]] Cage& cage() { return process_->cage(); }
    /// As of a TestJob.
    [[nodiscard]] bool is_kept() const { return process_->is_kept(); }

    /// Takes what has come. True: its process is over, and so are all its tests that began.
    [[nodiscard]] bool step(Time now, std::vector<EndedTest>& ended);
    /// Tests that never began, once it is over, or were ended for the sake of one before them.
    /// Where none did, what its process ended with is the first one's.
    [[nodiscard]] std::vector<std::size_t> left() const;

    void sample(Time now);
    [[nodiscard]] std::chrono::milliseconds next_sample_in() const {
        return process_->cage().next_sample_in();
    }
    [[nodiscard]] Bytes held() const { return held_; }
    [[nodiscard]] Bytes peak() const { return peak_; }
    /// Of devices that it has used.
    [[nodiscard]] std::vector<DeviceHeld> held_devices() const;
    /// Tells the cage, and keeps what is this job's.
    void take_device_reading(const DeviceReading& reading, Time now);
    /// What it may still take of what it was let in with.
    [[nodiscard]] TestNeed still_to_take() const;
    /// What it has of that by now.
    [[nodiscard]] TestNeed taken() const;

    /// Ends it in order, and by force where that takes longer than the grace.
    void end(EndedByUs why, Time now, Bytes free = {});
    void kill(EndedByUs why, Time now, Bytes free = {});
    [[nodiscard]] std::optional<Time> killed_at() const { return killed_at_; }
    /// Ends what runs too long.
    void keep_time(Time now);
    /// When keep_time() has something to do next.
    [[nodiscard]] std::optional<Time> next_deadline() const;

    /// Where that `is_wanted`, adds what there is to say of what its process had after each of its
    /// tests, judged as if they were repeats of one.
    void note_growth(bool is_wanted, std::vector<std::string>& notes) const;

    /// The test that runs; nothing: between two.
    [[nodiscard]] const TestCase* current() const;
    [[nodiscard]] Time current_since() const { return test_began_; }
    [[nodiscard]] std::vector<std::uint32_t> processes() const;

private:
    struct OnDevice {
        std::string device;
        Bytes held = {};  ///< at the last reading
        // Of the current test.
        Bytes peak = {};
        MemoryCurve curve = {};
    };

    void take(const JobEvent& event, Time now, std::vector<EndedTest>& ended);
    void test_begins(std::size_t test, const std::optional<Bytes>& held, Time now);
    void mark_ending(EndedByUs why, Time since, Bytes free);
    [[nodiscard]] bool is_ended_for_another(const CageOutcome* outcome) const;
    void settle(const CageOutcome* outcome, Time now, std::vector<EndedTest>& ended);
    void add_devices(Attempt& attempt);
    [[nodiscard]] std::chrono::milliseconds timeout() const;

    Facts facts_;
    std::unique_ptr<TestJob> process_;
    Time began_;
    std::size_t begun_ = 0;  ///< how many tests have
    std::optional<std::size_t> current_;
    std::optional<TestJudgement> judgement_;  ///< of the current one, which is over
    Time test_began_{};
    Time repeat_began_{};  ///< of the current test: what its timeout counts from
    Time test_ended_{};
    Bytes held_;
    std::vector<OnDevice> devices_;
    Bytes peak_;
    MemoryCurve curve_;  ///< of the current test
    std::optional<Bytes> held_at_begin_;
    std::optional<Bytes> held_at_end_;
    RepeatLevels levels_;          ///< of the current test
    bool is_blurred_ = false;      ///< what it took cannot be told from what others did
    std::size_t n_begun_ = 0;      ///< tests that ran in this process
    std::size_t first_begun_ = 0;  ///< of them
    RepeatLevels process_levels_;  ///< after each of them
    std::optional<Time> ending_;   ///< since when
    EndedByUs ending_for_ = EndedByUs::no;
    std::optional<std::size_t> ended_test_;  ///< whom it is for; nothing: none that runs
    std::optional<Time> killed_at_;
    Bytes free_at_end_;
};

}  // namespace hexcore
