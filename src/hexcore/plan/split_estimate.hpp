#pragma once

#include <cstdint>
#include <vector>

#include "hexcore/plan/patterns.hpp"
#include "hexcore/plan/problem.hpp"

namespace hexcore {

/// Quick judgement of a split before its experts are dealt: sums over ranges of layers, prepared
/// once.
class SplitEstimate {
public:
    SplitEstimate(Problem& problem, Patterns& patterns);

    /// Of the experts of layers at home on device d, when each may lie as it likes.
    [[nodiscard]] double least_seconds(std::uint32_t d, std::uint32_t from, std::uint32_t to) const;

    /// The same with a guess of the hops that it costs when `room` is too small for those layers
    /// whose experts like to be at home.
    [[nodiscard]] double range_seconds(std::uint32_t d, std::uint32_t from, std::uint32_t to,
                                       std::uint64_t room) const;

    /// A guess for all experts of a split with the given rooms. Experts that find no room where
    /// they like to be go where there is room, which makes every layer's pattern more uneven;
    /// layers whose experts like to be at home hop instead.
    [[nodiscard]] double split_seconds(const Split& split, const DeviceBytes& rooms) const;

private:
    struct Home {  // sums over the first layers, [layers]
        std::vector<double> seconds;
        std::vector<std::uint64_t> at_home_bytes;
        std::vector<DeviceBytes> wanted_bytes;
        double furthest_hop = 0;
    };
    [[nodiscard]] double spread_seconds(std::uint32_t kind,
                                        const std::vector<double>& shares) const;

    Problem& problem_;
    Patterns& patterns_;
    std::vector<Home> homes_;                             ///< [device]
    std::vector<std::vector<std::uint32_t>> kind_count_;  ///< [kind][layers]
    std::uint64_t largest_layer_bytes_ = 1;               ///< of experts
};

}  // namespace hexcore
