#include "hexcore/isolate/attempt_verdict.hpp"

#include <fmt/format.h>

#include <csignal>
#include <cstring>
#include <string_view>

#include "hexcore/base/duration.hpp"
#include "hexcore/base/printable.hpp"

namespace hexcore {
namespace {

TestVerdict verdict_of(TestJudgement::Kind kind) {
    switch (kind) {
        case TestJudgement::Kind::passed:
            return TestVerdict::passed;
        case TestJudgement::Kind::skipped:
            return TestVerdict::skipped;
        case TestJudgement::Kind::crashed:
            return TestVerdict::crashed;
        case TestJudgement::Kind::over_budget:
            return TestVerdict::over_budget;
        case TestJudgement::Kind::failed:
        case TestJudgement::Kind::not_run:
            break;
    }
    return TestVerdict::failed;
}

std::string whole_output(const CageOutcome& outcome) {
    const std::uint64_t kept = outcome.output_head.size() + outcome.output_tail.size();
    if (outcome.output_bytes <= kept) {
        return outcome.output_head + outcome.output_tail;
    }
    return fmt::format("{}\n[{} in between left out]\n{}", outcome.output_head,
                       to_string(Bytes(outcome.output_bytes - kept)), outcome.output_tail);
}

std::string owners_text(const std::vector<MemoryOwner>& owners) {
    std::string text;
    constexpr std::size_t most = 3;
    for (std::size_t index = 0; index < owners.size() && index < most; ++index) {
        const MemoryOwner& owner = owners[index];
        text += fmt::format("{}{} (pid {}) {}", index == 0 ? "; " : ", ", shortened(owner.name, 40),
                            owner.pid, to_string(owner.bytes));
    }
    return text;
}

std::string breach_text(const Breach& breach) {
    return fmt::format("used {} of its {} on {}", to_string(breach.used), to_string(breach.limit),
                       breach.device) +
           owners_text(breach.owners);
}

std::string end_text(const CageOutcome& outcome) {
    if (outcome.signalled) {
        return signal_text(outcome.code);
    }
    return fmt::format("it ended with exit code {} before it was done", outcome.code);
}

/// What we did to it, or the kernel for the machine's sake. False: neither.
bool was_ended(const AttemptFacts& facts, Attempt& attempt) {
    const CageOutcome& outcome = *facts.outcome;
    switch (outcome.ended_by_us) {
        case EndedByUs::over_budget:
            attempt.verdict = TestVerdict::over_budget;
            attempt.reason =
                outcome.breach ? breach_text(*outcome.breach) : "used more memory than its budget";
            return true;
        case EndedByUs::timed_out:
            attempt.verdict = TestVerdict::timed_out;
            attempt.reason =
                fmt::format("still ran after {}",
                            long_duration_text(static_cast<double>(facts.timeout.count()) / 1e3));
            return true;
        case EndedByUs::memory_short:
            attempt.verdict = TestVerdict::failed;
            attempt.for_memory = true;
            attempt.reason = fmt::format("memory was short ({} left)", to_string(facts.free));
            return true;
        case EndedByUs::interrupted:
            attempt.verdict = TestVerdict::failed;
            attempt.interrupted = true;
            attempt.reason = "interrupted while it ran";
            return true;
        case EndedByUs::no:
            break;
    }
    if (outcome.signalled && outcome.code == SIGKILL && outcome.killed_by != KilledBy::unknown) {
        attempt.verdict = TestVerdict::crashed;
        attempt.for_memory = true;
        attempt.reason = "the kernel killed it, since memory had run out";
        return true;
    }
    return false;
}

}  // namespace

std::string signal_text(int signal) {
    const char* abbreviation = ::sigabbrev_np(signal);
    return abbreviation == nullptr ? fmt::format("signal {}", signal)
                                   : fmt::format("SIG{}", abbreviation);
}

Attempt judged_attempt(const AttemptFacts& facts) {
    Attempt attempt;
    const CageOutcome* outcome = facts.outcome;
    if (outcome != nullptr) {
        if (!facts.shares_process || !facts.judgement) {
            attempt.output = whole_output(*outcome);
        }
        attempt.breach = outcome->breach;
        attempt.residues = outcome->residues;
        attempt.killed_by = outcome->killed_by;
        for (const DevicePeak& device : outcome->devices) {
            attempt.devices.push_back({device.device, device.peak});
        }
        if (outcome->signalled) {
            attempt.signal = outcome->code;
        }
        if (!outcome->problem.empty()) {
            attempt.verdict = TestVerdict::failed;
            attempt.reason = outcome->problem;
            return attempt;
        }
        if (was_ended(facts, attempt)) {
            return attempt;
        }
    }
    if (facts.judgement) {
        attempt.verdict = verdict_of(facts.judgement->kind);
        attempt.reason = facts.judgement->reason;
        attempt.stack = facts.judgement->stack;
        if (!facts.judgement->output.empty()) {
            attempt.output += (attempt.output.empty() || attempt.output.back() == '\n') ? "" : "\n";
            attempt.output += facts.judgement->output;
        }
        if (attempt.verdict == TestVerdict::passed && outcome != nullptr && outcome->signalled) {
            attempt.verdict = TestVerdict::crashed;
            attempt.reason = fmt::format("its process ended by {} after it", end_text(*outcome));
        }
        return attempt;
    }
    attempt.verdict = TestVerdict::crashed;
    attempt.reason = outcome == nullptr ? "its process is gone" : end_text(*outcome);
    return attempt;
}

}  // namespace hexcore
