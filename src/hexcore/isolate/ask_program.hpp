#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// A question to a test program: which tests it has, what it is.
struct ProgramQuestion {
    std::vector<std::string> words;  ///< the program, looked for in PATH, and its arguments
    std::vector<std::string> variables = {};  ///< "NAME=value", beside this process's own
    std::chrono::milliseconds deadline{60'000};
};

struct ProgramAnswer {
    int exit_code = 0;
    std::string out;  ///< the last 64 MiB
    std::string err;
};

/// Asks, and waits for the answer. Fails with ErrorCode::usage for what cannot be started, hangs
/// past the deadline or dies by a signal, with the last that it said; with interrupted once `stop`
/// is set.
[[nodiscard]] Result<ProgramAnswer> ask_program(const ProgramQuestion& question,
                                                const std::atomic<bool>* stop);

/// The words as people would type them, shortened.
[[nodiscard]] std::string shown_command(const std::vector<std::string>& words);
/// The last lines of what a program said, for a message; empty: it said nothing.
[[nodiscard]] std::string last_words(const ProgramAnswer& answer);

}  // namespace hexcore
