#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "hexcore/plan/facts.hpp"
#include "hexcore/plan/placement.hpp"

namespace hexcore {

/// How many of a layer's experts each device holds.
using Counts = std::array<std::uint32_t, max_devices>;

/// The expected time until the slowest device has read its share of a layer's routed experts, where
/// every set of `n_used` of the `n_experts` experts is equally likely. Remembers what it computed.
///
/// Of those in main memory a GPU fetches some, if it can, while the CPU computes the others.
///
/// The devices' shares X_d follow a multivariate hypergeometric distribution, so
///     P(X_d <= m_d for all d) = [x^n_used] prod_d sum_{j <= m_d} C(c_d, j) x^j / C(n_experts,
///     n_used)
/// and the expected maximum is the integral of P(max > t) over t, a step function that changes
/// where some device's time for a whole number of experts lies. The maximum of the expected shares
/// would be simpler and is wrong where it matters: eight devices with one expert each would seem to
/// read a quarter of an expert when two of eight are used.
class ExpertTime {
public:
    ExpertTime(std::uint32_t n_experts, std::uint32_t n_used, Bytes expert,
               const std::vector<DeviceFacts>& devices);

    /// For counts that sum to n_experts.
    [[nodiscard]] double seconds(const Counts& counts);

    /// Work done so far, in look-ups; one that has to be computed counts as many.
    [[nodiscard]] std::uint64_t effort() const { return effort_; }

private:
    struct CountsHash {
        std::size_t operator()(const Counts& counts) const noexcept;
    };
    struct Step {
        double seconds;
        std::uint32_t device;
    };
    [[nodiscard]] double expected_maximum(const Counts& counts);
    [[nodiscard]] double probability_within(const Counts& counts, const Counts& most);
    [[nodiscard]] double choose(std::uint32_t n, std::uint32_t k) const {
        return choose_[n * (n_used_ + 1) + k];
    }

    std::uint32_t n_used_;
    std::uint32_t n_devices_;
    bool devices_alike_;
    double total_sets_ = 1;
    std::vector<std::vector<double>> seconds_for_;  ///< [device][experts that it reads]
    std::vector<double> choose_;                    ///< [n][k], binomial coefficients
    std::vector<double> product_;                   ///< scratch: coefficients of the product so far
    std::vector<Step> steps_;                       ///< scratch
    std::unordered_map<Counts, double, CountsHash> known_;
    std::uint64_t effort_ = 0;
};

}  // namespace hexcore
