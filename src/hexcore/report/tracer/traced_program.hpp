#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "hexcore/recording/told_records.hpp"

namespace hexcore {

/// How a program ended that was watched for where it crashes.
struct TracedEnd {
    bool signalled = false;
    int code = 0;                            ///< its exit code, or the signal
    std::vector<RecordedFrame> frames = {};  ///< where that was; the innermost first
    std::string problem = {};                ///< why nothing could be seen
};

/// Runs a program (looked for in PATH) as it would run without, and looks at the stack of the
/// thread that gets a signal which would end it, before the signal is delivered: what the program
/// does with the signal itself is its own matter. Its children are not watched.
[[nodiscard]] TracedEnd trace_program(char** words);

}  // namespace hexcore
