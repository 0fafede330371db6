#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "hexcore/cage/outcome.hpp"
#include "hexcore/isolate/test_results.hpp"

namespace hexcore {

// Where a program crashed that tells nobody: it is run once more by hexcore-tracer, in a cage like
// the one that it crashed in, which looks at its stack when the signal comes (decision 37).

/// hexcore-tracer, which comes with the program; empty: it is not there.
[[nodiscard]] std::filesystem::path find_tracer();

/// Whether it was ended by a signal of its own fault, not by one that others sent.
[[nodiscard]] bool is_own_fault(const CageOutcome& outcome);

/// Whether running it again may show where it crashed: a signal of its own fault ended it, soon
/// enough. Otherwise `why_not` may get a sentence.
[[nodiscard]] bool is_worth_a_look(const CageOutcome& outcome, std::string& why_not);

/// The words of a command as the tracer runs it, with what it sees in `file`.
[[nodiscard]] std::vector<std::string> traced_words(const std::filesystem::path& tracer,
                                                    const std::filesystem::path& file,
                                                    const std::vector<std::string>& words);

/// What the tracer saw. `first`: how the program ended when nobody looked; `look`: how the tracer
/// did.
[[nodiscard]] CrashStack seen_crash(const std::filesystem::path& file, const CageOutcome& first,
                                    const CageOutcome& look);

}  // namespace hexcore
