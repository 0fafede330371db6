#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "hexcore/base/remedy.hpp"

namespace hexcore {

/// What kind of expected failure happened. The value of each enumerator is the process exit code
/// that the command line reports for it.
enum class ErrorCode : int {
    negative = 1,      ///< it ran, and the answer is no (outputs differ, memory did not come back)
    usage = 2,         ///< wrong option, argument or environment
    does_not_fit = 3,  ///< over a budget or out of memory; nothing is left allocated
    bad_input = 4,     ///< a file that cannot be read as what it should be
    missing_device = 5,  ///< a device or a driver is not there
    interrupted = 130,   ///< stopped by the user, after a clean roll-back
};

/// Memory that a device could not give.
struct RefusedMemory {
    std::string device;
    std::uint64_t wanted_bytes = 0;
    std::uint64_t free_bytes = 0;
};

/// An expected failure: what happened, and as data what to change. Whoever shows it to people makes
/// one paragraph of that in their terms; `message` names no option of any program.
struct Error {
    ErrorCode code;
    std::string message;                ///< a sentence without its end, with numbers
    std::vector<Remedy> remedies = {};  ///< any one of them may be enough
    bool proven = false;                ///< any one of them is enough: it was tried
    std::optional<RefusedMemory> refused = {};
    std::string aftermath = {};  ///< further sentences, each with ". " before it
};

/// Either a value or an Error. Has the names of std::expected, which g++ 12 lacks in C++20.
template <typename T>
using Result = tl::expected<T, Error>;

/// Builds the failed side of a Result: `return fail(ErrorCode::usage, "the prompt is empty")`.
template <typename... Args>
[[nodiscard]] tl::unexpected<Error> fail(ErrorCode code, fmt::format_string<Args...> format,
                                         Args&&... args) {
    return tl::unexpected<Error>(Error{code, fmt::format(format, std::forward<Args>(args)...)});
}

/// The same with what to change.
template <typename... Args>
[[nodiscard]] tl::unexpected<Error> fail(ErrorCode code, std::vector<Remedy> remedies,
                                         fmt::format_string<Args...> format, Args&&... args) {
    return tl::unexpected<Error>(
        Error{code, fmt::format(format, std::forward<Args>(args)...), std::move(remedies)});
}

}  // namespace hexcore

#define HEXCORE_CONCAT_INNER(a, b) a##b
#define HEXCORE_CONCAT(a, b) HEXCORE_CONCAT_INNER(a, b)

/// Declares `name` from a Result expression, or returns its error to the caller:
/// `HEXCORE_TRY(plan, make_plan(facts));`
#define HEXCORE_TRY(name, ...)                                                   \
    auto HEXCORE_CONCAT(name, _result) = (__VA_ARGS__);                          \
    if (!HEXCORE_CONCAT(name, _result)) {                                        \
        return tl::unexpected(std::move(HEXCORE_CONCAT(name, _result).error())); \
    }                                                                            \
    auto name = std::move(HEXCORE_CONCAT(name, _result)).value()

/// Evaluates a Result<void> expression and returns its error to the caller if it failed.
#define HEXCORE_TRY_VOID(...)                                     \
    if (auto hexcore_result = (__VA_ARGS__); !hexcore_result) {   \
        return tl::unexpected(std::move(hexcore_result.error())); \
    }                                                             \
    static_assert(true, "so that the macro ends with a semicolon")
