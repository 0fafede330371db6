#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "hexcore/plan/patterns.hpp"
#include "hexcore/plan/problem.hpp"
#include "hexcore/plan/split_estimate.hpp"

namespace hexcore {

/// How far PolicySearch looks.
struct SearchLimits {
    std::uint64_t enumerated_splits = 1000;  ///< try every split where there are no more than these
    std::uint64_t effort = 150'000;          ///< by Problem::effort(), for each search
    std::uint64_t exact_steps = 60'000;      ///< of exact_fill(), for each search
};

/// The two policies that search: contiguous layers, experts anywhere.
///
/// Small problems look at every split of the layers, and at every way to deal the experts; larger
/// ones at the best few splits by a dynamic programme over (device, layers placed), and their
/// neighbours.
class PolicySearch {
public:
    explicit PolicySearch(Problem& problem, const SearchLimits& limits = {})
        : problem_(problem), limits_(limits), patterns_(problem), estimate_(problem, patterns_) {}

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
    [[nodiscard]] std::optional<Candidate> candidate(const Split& split, const DeviceBytes& caps);
    /// Goes from split to neighbouring split, one layer further to either side, while the estimate
    /// gets better.
    [[nodiscard]] Candidate descend(Candidate best, const Caps& caps);
    [[nodiscard]] bool packs(const Split& split, const DeviceBytes& caps) const;
    /// The smallest tolerance of balanced_caps(), from `least` to `most`, that `split` packs under.
    [[nodiscard]] std::optional<std::uint64_t> tolerance_of(const Split& split, std::uint64_t least,
                                                            std::uint64_t most) const;
    [[nodiscard]] std::optional<CountedPlacement> search(const std::vector<Split>& splits,
                                                         const Caps& caps);
    /// As descend(), by what filling the splits really gives.
    void climb(CountedPlacement& best, const Caps& caps, std::uint64_t effort_limit);
    /// Looks for something better with exact_fill(), split by split, until that gives up.
    void refine(const std::vector<Candidate>& candidates, CountedPlacement& best);

    Problem& problem_;
    SearchLimits limits_;
    Patterns patterns_;
    SplitEstimate estimate_;
};

}  // namespace hexcore
