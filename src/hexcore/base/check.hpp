#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

namespace hexcore::detail {

template <typename A, typename B>
[[noreturn]] void check_failed(const char* file, int line, const char* condition, const A& a,
                               const B& b) {
    fmt::print(stderr, "{}:{}: bug: {} does not hold ({} and {})\n", file, line, condition, a, b);
    std::abort();
}

}  // namespace hexcore::detail

/// Stops the program, also in release builds, when `condition` is false, printing both values. For
/// bugs only: whatever a user or a file can cause is a Result.
#define HEXCORE_CHECK(condition, a, b)                                                 \
    do {                                                                               \
        if (!(condition)) {                                                            \
            ::hexcore::detail::check_failed(__FILE__, __LINE__, #condition, (a), (b)); \
        }                                                                              \
    } while (false)
