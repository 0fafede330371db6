#pragma once

#include <chrono>
#include <string>
#include <utility>

namespace hexcore {

[[nodiscard]] constexpr double in_seconds(std::chrono::nanoseconds time) {
    return static_cast<double>(time.count()) / 1e9;
}
[[nodiscard]] constexpr double in_milliseconds(std::chrono::nanoseconds time) {
    return static_cast<double>(time.count()) / 1e6;
}

/// For people, without exponents: `0.1234 ms`, `5.05 ms`, `178 ms`, `12.3 s`, `412 s`.
[[nodiscard]] std::string duration_text(double seconds);

/// For people, of what may take days: `0.42 s`, `12.3 s`, `41 min 07 s`, `3 h 05 min`.
[[nodiscard]] std::string long_duration_text(double seconds);

/// When, counted from a start: `0.42 s`, `12.3 s`, `12:03`, `1:02:03`.
[[nodiscard]] std::string clock_text(double seconds);

/// For people, three digits at least: `0.42`, `61.5`, `142`, `3262`.
[[nodiscard]] std::string rate_text(double per_second);

/// Consecutive parts of a time.
class Laps {
public:
    /// Since the last one, or since it was made.
    [[nodiscard]] double ms() {
        const auto now = Clock::now();
        return in_milliseconds(now - std::exchange(last_, now));
    }

private:
    using Clock = std::chrono::steady_clock;
    Clock::time_point last_ = Clock::now();
};

}  // namespace hexcore
