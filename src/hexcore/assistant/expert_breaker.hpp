#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

namespace hexcore {

struct BreakerLimits {
    std::size_t failures = 3;
    std::chrono::seconds within = std::chrono::minutes(5);
    std::chrono::seconds out_for = std::chrono::minutes(5);
};

/// Keeps experts out that failed several times in a while. The time is its caller's, so that
/// nothing in it waits. For one thread.
class ExpertBreaker {
public:
    using Time = std::chrono::steady_clock::time_point;

    explicit ExpertBreaker(std::size_t experts, BreakerLimits limits = {})
        : limits_(limits), experts_(experts) {}

    void failed(std::size_t expert, Time now);
    /// How long an expert is still out; nothing: it may answer.
    [[nodiscard]] std::optional<std::chrono::seconds> out_for(std::size_t expert, Time now) const;
    /// The failures that still count.
    [[nodiscard]] std::size_t failures(std::size_t expert, Time now) const;

private:
    struct OneExpert {
        std::deque<Time> failures;
        std::optional<Time> out_until;
    };
    BreakerLimits limits_;
    std::vector<OneExpert> experts_;
};

}  // namespace hexcore
