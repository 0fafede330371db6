#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/judge/exact.hpp"

namespace hexcore {

/// Where in a program memory is taken, as far as it is told.
struct Site {
    std::string device;
    std::string purpose;
    std::string label;        ///< the innermost that was open
    std::uint64_t stack = 0;  ///< its number; 0: none

    auto operator<=>(const Site&) const = default;
};

struct SiteJudgement {
    Site site;
    Judgement judgement;
    double held_bytes = 0;  ///< at the end of the last repeat
};

/// Keeps what was alive at the end of each repeat of the same work, and judges it. Takes no more
/// memory for more repeats: past 512 only every second end counts, past 1024 every fourth, and so
/// on; sites beyond the most count for one of their device with neither purpose nor label nor
/// stack, and allocations beyond the most are not known. An allocation is known by the number of
/// its holder and one of its own.
class RepeatBooks {
public:
    using Allocation = std::pair<std::uint64_t, std::uint64_t>;
    using Place = std::size_t;
    static constexpr std::size_t sites_max = 4096;
    static constexpr std::size_t living_max = 1'000'000;

    /// The place of a site, which the calls below take.
    [[nodiscard]] Place place_of(const Site& site);
    /// In a repeat. What is taken outside of them is not told.
    void taken(Allocation allocation, Bytes bytes, Place place);
    void released(Allocation allocation);
    /// All that the place has, where its holder does not tell allocations.
    void amount(Place place, Bytes bytes);
    /// With all that the same program has now, also of what was taken outside of repeats: what is
    /// moved from one place to another is no leak.
    void repeat_ended(double total_bytes);

    [[nodiscard]] std::size_t repeats() const { return steps_ * width_ + in_step_; }
    /// Every site, those that grow most first.
    [[nodiscard]] std::vector<SiteJudgement> judge() const;

private:
    struct Living {
        Place place = 0;
        std::size_t born = 0;
        Bytes bytes;
    };
    struct AllocationHash {
        std::size_t operator()(const Allocation& allocation) const {
            return std::hash<std::uint64_t>()(allocation.first * 0x9E3779B97F4A7C15U ^
                                              allocation.second);
        }
    };
    using Span = std::pair<std::size_t, std::size_t>;  ///< birth and death
    struct Account {
        Site site;
        std::map<Span, double> lifetimes;  ///< of what has died
        std::vector<double> amounts;       ///< at ends
        double amount = 0;
        bool has_amounts = false;
    };

    void coarsen();
    [[nodiscard]] std::vector<ExactHistory> histories() const;
    [[nodiscard]] bool moved(const ExactHistory& history) const;

    std::map<Site, Place> places_;
    std::vector<Account> accounts_;
    std::unordered_map<Allocation, Living, AllocationHash> living_;
    std::vector<double> totals_;  ///< at ends
    std::size_t steps_ = 0;
    std::size_t width_ = 1;  ///< repeats in a step
    std::size_t in_step_ = 0;
};

}  // namespace hexcore
