#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "hexcore/isolate/history.hpp"
#include "hexcore/isolate/run_events.hpp"
#include "hexcore/isolate/test_results.hpp"

namespace hexcore {

struct RunBookOptions {
    std::uint32_t retries = 0;  ///< of a test that failed
    bool allow_skip = false;    ///< what never found room is skipped, not a failure
    bool learns = true;         ///< what tests take now is what they take in other runs, too
    std::vector<std::string> fail_on = {};  ///< "kept", "leak", "residue": failures as well
};

/// The results of a run while it goes: what each attempt means for its test, and whether another
/// follows.
class RunBook {
public:
    RunBook(TestRun& run, std::vector<TestCase> tests, RunBookOptions options, RunEvents& events);

    [[nodiscard]] const std::vector<TestCase>& tests() const { return tests_; }
    /// For `result()`s: what earlier runs of a test took.
    void knows(std::size_t test, const std::vector<PastRun>& past);

    enum class Next { over, again, again_alone };
    /// `kept`: what it left in a process that goes on.
    [[nodiscard]] Next add(std::size_t test, Attempt attempt, Bytes kept);
    /// Of a test that is over, and whose cage was kept: what was there of it in the end.
    void add_left(std::size_t test, const CageOutcome& outcome);
    void skip_disabled();
    /// It never ran.
    void refuse(std::size_t test, TestVerdict verdict, std::string reason);

    [[nodiscard]] std::size_t done() const { return run_.results.size(); }
    [[nodiscard]] std::size_t failed() const { return failed_; }
    [[nodiscard]] bool has_any_failed(const std::vector<std::size_t>& tests) const {
        return std::ranges::any_of(tests, [&](std::size_t test) { return failures_[test]; });
    }

    /// What of this run others shall know, since they were last told.
    [[nodiscard]] const TestHistory::News& news() const { return news_; }
    void forget_news() { news_.clear(); }

private:
    void close(std::size_t test, TestVerdict verdict, std::string reason);
    /// What was left fails the last attempt where it would have passed: its own, or nobody knows
    /// whose it is.
    void judge_left(TestResult& result) const;

    TestRun& run_;
    std::vector<TestCase> tests_;
    RunBookOptions options_;
    RunEvents& events_;
    std::vector<TestResult> open_;  ///< by test
    TestHistory::News news_;
    std::vector<bool> failures_;  ///< by test
    std::size_t failed_ = 0;
};

}  // namespace hexcore
