#pragma once

#include <array>

namespace hexcore {

struct ExitCodeMeaning {
    int code;
    const char* brief;    ///< for the help
    const char* meaning;  ///< for the manual page
};

/// What the program's exit codes say; those of failures are the values of ErrorCode.
inline constexpr std::array<ExitCodeMeaning, 7> exit_codes{{
    {0, "done", "Done."},
    {1, "the answer is no",
     "It ran, and the answer is no: outputs differ or are no numbers, dead runs left something, "
     "or repeats left memory behind; or it could not be written."},
    {2, "wrong usage", "Wrong usage: an option or argument that is unknown, malformed or missing."},
    {3, "does not fit", "It does not fit, or is over a budget. Nothing is left allocated."},
    {4, "bad input file", "An input file is not what it should be, or cannot be read."},
    {5, "no such device", "A device or a driver is missing."},
    {130, "interrupted", "Interrupted, after everything was given back."},
}};

}  // namespace hexcore
