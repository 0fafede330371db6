#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "hexcore/plan/patterns.hpp"
#include "hexcore/plan/problem.hpp"

namespace hexcore {

/// The two policies that search: contiguous layers, experts anywhere.
///
/// Small problems (at most `enumerated_splits` ways to split the layers) look at every split; larger
/// ones at the best few by a dynamic programme over (device, layers placed), and their neighbours.
class PolicySearch {
public:
    static constexpr std::uint64_t enumerated_splits = 1000;

    explicit PolicySearch(Problem& problem) : problem_(problem), patterns_(problem) {}

    /// Whether any placement fits under `caps`. Exact for one size of experts and for small
    /// problems; otherwise see pack_experts().
    [[nodiscard]] bool feasible(const DeviceBytes& caps);

    /// The least modelled time within what the devices can use.
    [[nodiscard]] std::optional<CountedPlacement> fastest();

    /// No device more than one (the largest) expert above an even fill, or as little more as there
    /// can be; of those the least modelled time.
    [[nodiscard]] std::optional<CountedPlacement> balanced();

    /// What device d may hold when all budgets are filled evenly with this split's bytes, plus a
    /// tolerance, but never more than it can use.
    [[nodiscard]] DeviceBytes balanced_caps(const Split& split, std::uint64_t tolerance) const;

private:
    struct Candidate {
        Split split;
        DeviceBytes rooms{};
        double least_seconds = 0;  ///< no placement of this split is faster
        double estimate = 0;       ///< guess of what the best one takes
    };
    using Caps = std::function<DeviceBytes(const Split&)>;

    /// What programmed_splits() looks for.
    enum class Aim { any, fast };

    [[nodiscard]] bool enumerable() const;
    [[nodiscard]] std::vector<Split> programmed_splits(const DeviceBytes& caps, Aim aim);
    /// Splits to try for Policy::balanced where there are too many to try them all.
    [[nodiscard]] std::vector<Split> programmed_even_splits();
    void prepare_prefixes();
    /// Layers' best patterns and, by a guess, the hops it costs that `room` is too small for them.
    [[nodiscard]] double pattern_seconds(std::uint32_t d, std::uint32_t from, std::uint32_t to,
                                         std::uint64_t room) const;
    [[nodiscard]] std::optional<Candidate> candidate(const Split& split, const DeviceBytes& caps);
    [[nodiscard]] bool packs(const Split& split, const DeviceBytes& caps) const;
    /// The smallest tolerance of balanced_caps(), from `least` to `most`, that `split` packs under.
    [[nodiscard]] std::optional<std::uint64_t> tolerance_of(const Split& split, std::uint64_t least,
                                                            std::uint64_t most) const;
    [[nodiscard]] std::optional<CountedPlacement> search(const std::vector<Split>& splits,
                                                         const Caps& caps);
    /// Tries the best split's neighbours, one layer further to either side, while they are better.
    void climb(CountedPlacement& best, const Caps& caps, std::uint64_t effort_limit);
    /// Looks for something better with exact_fill(), split by split, until that gives up.
    void refine(const std::vector<Candidate>& candidates, CountedPlacement& best);

    Problem& problem_;
    Patterns patterns_;
    std::vector<std::vector<double>> pattern_prefix_;  ///< [device][layers], seconds
    /// [device][layers], bytes of experts whose best pattern is at home
    std::vector<std::vector<std::uint64_t>> at_home_prefix_;
    std::uint64_t largest_layer_ = 1;  ///< most bytes of experts in one layer
    std::vector<double> furthest_hop_;  ///< [device]
};

}  // namespace hexcore
