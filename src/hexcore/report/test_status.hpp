#pragma once

#include <cstddef>
#include <string>

#include "hexcore/isolate/run_events.hpp"
#include "hexcore/isolate/test_results.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {

/// What there is to say when a run begins: how many tests, what they have, what is not known yet.
[[nodiscard]] std::string run_heading(const TestRun& run, std::size_t selected, std::size_t known,
                                      const TextStyle& style);

/// A test that is over: verdict, time, memory of its budget, its name; then why, if it did not
/// pass. Whole lines; the name is never cut.
[[nodiscard]] std::string test_line(const TestResult& result, const TextStyle& style);

/// An attempt that others follow.
[[nodiscard]] std::string attempt_line(const TestCase& test, const Attempt& attempt,
                                       const std::string& why, const TextStyle& style);

/// A test that takes its time.
[[nodiscard]] std::string slow_line(const RunningTest& test, const TextStyle& style);

/// What runs now, for somebody who asks.
[[nodiscard]] std::string running_lines(const RunProgress& progress, const TextStyle& style);

/// One line of at most style.columns, without its end: how far it is.
[[nodiscard]] std::string progress_line(const RunProgress& progress, const TextStyle& style);

/// The column of verdict words: "PASS", "SIGSEGV", "TIMEOUT".
[[nodiscard]] std::string verdict_word(TestVerdict verdict, const Attempt* last);

}  // namespace hexcore
