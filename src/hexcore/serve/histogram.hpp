#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace hexcore {

/// Durations in buckets, as Prometheus takes them. Its owner locks.
class Histogram {
public:
    void add(double seconds);
    /// Lines of the text format under that name.
    [[nodiscard]] std::string lines(std::string_view name, std::string_view help) const;

private:
    static constexpr std::array<double, 16> bounds{
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300};
    std::array<std::uint64_t, bounds.size() + 1> counts_{};
    double sum_ = 0;
};

}  // namespace hexcore
