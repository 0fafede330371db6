#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "hexcore/cage/outcome.hpp"
#include "hexcore/isolate/test_results.hpp"
#include "hexcore/isolate/test_suite.hpp"

namespace hexcore {

/// What there is to judge a test by that has ended, or whose process has.
struct AttemptFacts {
    const TestCase* test = nullptr;
    /// What the framework says; nothing: the process ended before it could.
    std::optional<TestJudgement> judgement = {};
    /// How the process ended; null: it goes on with other tests.
    const CageOutcome* outcome = nullptr;
    std::chrono::milliseconds timeout{};  ///< that it had
    Bytes free;                           ///< of the machine, when it was ended for memory
    bool shares_process = false;          ///< what the process wrote is not the test's alone
};

/// TestVerdict, reason, output and what the process's end says. What we did goes before what the
/// framework says, and that before the exit code. Times, samples and the slot are the caller's.
[[nodiscard]] Attempt judged_attempt(const AttemptFacts& facts);

/// "SIGSEGV", or "signal 64" for one without a name.
[[nodiscard]] std::string signal_text(int signal);

}  // namespace hexcore
