#include "hexcore/isolate/run_book.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "hexcore/base/check.hpp"
#include "hexcore/base/duration.hpp"
#include "hexcore/device/device_entry.hpp"
#include "hexcore/isolate/repeat_levels.hpp"

namespace hexcore {
namespace {

/// What a cache or a pool keeps is less, in a test that is worth a word.
constexpr Bytes kept_worth_a_word = 100_MiB;

std::int64_t now_s() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

PastRun past_run(const TestResult& result) {
    PastRun run{.at_s = now_s(), .kept = result.kept, .verdict = result.verdict};
    // The largest of its attempts, unless that one was killed for others' sake.
    for (const Attempt& attempt : result.attempts) {
        if (&attempt != &result.attempts.back() && attempt.for_memory) {
            continue;
        }
        run.host = std::max(run.host, attempt.peak);
        run.duration_ms = std::max(run.duration_ms, in_milliseconds(attempt.duration));
        for (const DeviceUse& device : attempt.devices) {
            Bytes& largest = entry_of(run.devices, device.device).limit;
            largest = std::max(largest, device.peak);
        }
    }
    return run;
}

Bytes bytes_of(const std::vector<Residue>& residues) {
    Bytes sum;
    for (const Residue& residue : residues) {
        sum += residue.bytes;
    }
    return sum;
}

/// What an attempt adds to what is known of its test's memory. A leak says most: it is seen only
/// where somebody looks for one.
void take_memory(TestResult& result, const Attempt& attempt, Bytes kept) {
    const auto leak = std::ranges::find_if(attempt.growth, [](const DeviceGrowth& growth) {
        return growth.judgement.verdict == Verdict::leak;
    });
    if (leak != attempt.growth.end()) {
        result.memory = MemoryVerdict::leak;
        result.kept = grown_over_repeats(leak->judgement);
    } else if (result.memory == MemoryVerdict::leak) {
        return;
    } else if (!attempt.residues.empty()) {
        if (!attempt.left_by_one_of && result.memory == MemoryVerdict::unattributable) {
            result.kept = {};  // of what several may have left this is no part
        }
        result.memory =
            attempt.left_by_one_of ? MemoryVerdict::unattributable : MemoryVerdict::residue;
        result.kept = std::max(result.kept, bytes_of(attempt.residues));
    } else if (kept >= kept_worth_a_word && result.memory == MemoryVerdict::clean) {
        result.memory =
            attempt.left_by_one_of ? MemoryVerdict::unattributable : MemoryVerdict::kept;
        result.kept = kept;
    }
}

/// Whether it left what is called so. A leak is kept, too, and what nobody can say whose it is was
/// left all the same.
bool has_left(const TestResult& result, const std::string& what) {
    const bool has_residues = std::ranges::any_of(
        result.attempts, [](const Attempt& attempt) { return !attempt.residues.empty(); });
    switch (result.memory) {
        case MemoryVerdict::clean:
            return false;
        case MemoryVerdict::kept:
            return what == "kept";
        case MemoryVerdict::leak:
            return what == "leak" || what == "kept" || (what == "residue" && has_residues);
        case MemoryVerdict::residue:
            return what == "residue";
        case MemoryVerdict::unattributable:
            return what == (has_residues ? "residue" : "kept");
    }
    return false;
}

/// Who has left how much of what is called so, as far as that is known.
std::string left_by_text(const TestResult& result, const std::string& what) {
    const bool is_beside_leak = result.memory == MemoryVerdict::leak && what == "residue";
    Bytes left = is_beside_leak ? Bytes() : result.kept;
    if (is_beside_leak) {
        for (const Attempt& attempt : result.attempts) {
            left = std::max(left, bytes_of(attempt.residues));
        }
    }
    const bool may_be_anothers = result.memory == MemoryVerdict::unattributable || is_beside_leak;
    const TestsOfProcess* tests = may_be_anothers ? result.left_by_one_of() : nullptr;
    return tests == nullptr ? fmt::format("passed, and left {} behind", to_string(left))
                            : fmt::format("{}, left {} behind, and which of them is not known",
                                          one_of(*tests), to_string(left));
}

}  // namespace

RunBook::RunBook(TestRun& run, std::vector<TestCase> tests, RunBookOptions options,
                 RunEvents& events)
    : run_(run), tests_(std::move(tests)), options_(std::move(options)), events_(events) {
    open_.resize(tests_.size());
    failures_.resize(tests_.size());
    for (std::size_t test = 0; test < tests_.size(); ++test) {
        open_[test].test = tests_[test];
    }
}

void RunBook::knows(std::size_t test, const std::vector<PastRun>& past) {
    TestResult& result = open_[test];
    if (const auto learned = learned_size(past)) {
        result.learned = learned->need;
    }
    result.history = past;
}

RunBook::Next RunBook::add(std::size_t test, Attempt attempt, Bytes kept) {
    TestResult& result = open_[test];
    take_memory(result, attempt, kept);
    const bool was_short = std::any_of(result.attempts.begin(), result.attempts.end(),
                                       [](const Attempt& before) { return before.for_memory; });
    result.attempts.push_back(std::move(attempt));
    judge_left(result);
    const Attempt& last = result.attempts.back();
    if (last.for_memory && !last.alone) {
        events_.tries_again(result.test, last, "runs again alone");
        return Next::again_alone;
    }
    if (last.for_memory) {
        close(test, TestVerdict::over_budget,
              last.reason +
                  ", though nothing ran beside it: it needs more than there was for the "
                  "whole run");
        return Next::over;
    }
    if (last.interrupted) {
        close(test, last.verdict, last.reason);
        return Next::over;
    }
    const auto counts = [](const Attempt& before) { return !before.for_memory; };
    const auto tries = std::count_if(result.attempts.begin(), result.attempts.end(), counts);
    if (is_failure(last.verdict) && tries <= static_cast<std::int64_t>(options_.retries)) {
        events_.tries_again(
            result.test, last,
            fmt::format("runs again, try {} of {}", tries + 1, options_.retries + 1));
        return Next::again;
    }
    TestVerdict verdict = last.verdict;
    if (verdict == TestVerdict::passed && tries > 1) {
        verdict = TestVerdict::flaky;
    } else if (verdict == TestVerdict::passed && was_short) {
        verdict = TestVerdict::flaky_memory;
    }
    close(test, verdict, last.reason);
    return Next::over;
}

void RunBook::add_left(std::size_t test, const CageOutcome& outcome) {
    const auto result = std::find_if(run_.results.begin(), run_.results.end(),
                                     [&](const auto& r) { return r.test.id == tests_[test].id; });
    HEXCORE_CHECK(result != run_.results.end() && !result->attempts.empty(), test, tests_.size());
    Attempt& attempt = result->attempts.back();
    attempt.peak = std::max(attempt.peak, outcome.peak);
    if (!outcome.residues.empty()) {
        attempt.residues = outcome.residues;
        result->memory = MemoryVerdict::residue;
        result->kept = std::max(result->kept, bytes_of(outcome.residues));
        judge_left(*result);
        if (attempt.verdict == TestVerdict::failed && !is_failure(result->verdict)) {
            result->verdict = attempt.verdict;
            result->reason = attempt.reason;
            failures_[test] = true;
            failed_ += 1;
        }
    }
    if (outcome.breach) {
        attempt.breach = outcome.breach;
        attempt.verdict = result->verdict = TestVerdict::over_budget;
        attempt.reason = result->reason =
            fmt::format("what it set up used {} of its {} on {}", to_string(outcome.breach->used),
                        to_string(outcome.breach->limit), outcome.breach->device);
        failures_[test] = true;
        failed_ += 1;
    }
}

void RunBook::judge_left(TestResult& result) const {
    const auto named = std::ranges::find_if(
        options_.fail_on, [&](const std::string& what) { return has_left(result, what); });
    Attempt& last = result.attempts.back();
    if (last.verdict == TestVerdict::passed && named != options_.fail_on.end()) {
        last.verdict = TestVerdict::failed;
        last.reason =
            fmt::format("{}: {} is a failure in this run", left_by_text(result, *named), *named);
    }
}

void RunBook::skip_disabled() {
    for (std::size_t test = 0; test < tests_.size(); ++test) {
        if (!tests_[test].disabled.empty()) {
            refuse(test, TestVerdict::skipped, tests_[test].disabled);
        }
    }
}

void RunBook::refuse(std::size_t test, TestVerdict verdict, std::string reason) {
    if (verdict == TestVerdict::postponed && options_.allow_skip) {
        verdict = TestVerdict::skipped;
    }
    close(test, verdict, std::move(reason));
}

void RunBook::close(std::size_t test, TestVerdict verdict, std::string reason) {
    TestResult& result = open_[test];
    result.verdict = verdict;
    result.reason = std::move(reason);
    failures_[test] = is_failure(verdict);
    failed_ += is_failure(verdict) ? 1 : 0;
    // What an interrupted one took says nothing.
    const bool was_interrupted = !result.attempts.empty() && result.attempts.back().interrupted;
    if (options_.learns && verdict != TestVerdict::skipped && !was_interrupted) {
        news_.emplace_back(result.test.id, past_run(result));
    }
    run_.results.push_back(std::move(result));
    events_.test_ends(run_.results.back());
}

}  // namespace hexcore
