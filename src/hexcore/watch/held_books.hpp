#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "hexcore/recording/told_records.hpp"
#include "hexcore/watch/told_budget.hpp"

namespace hexcore {

/// What one holder has, as it tells: allocation by allocation, or in sums by name. Every site has a
/// purpose here.
class HeldBooks {
public:
    /// The budget is that of the allocations of all holders, and must outlive it.
    HeldBooks(HolderRef holder, ToldBudget& allocations)
        : holder_(std::move(holder)), allocations_(&allocations) {}

    [[nodiscard]] const HolderRef& holder() const { return holder_; }

    // Each gives the event as it is to be recorded; nothing where it is of no allocation that is
    // known. One that is beyond the budget never is, and is in no sum: so neither its beginning nor
    // its end is told. What is taken has an id of none that is alive.
    [[nodiscard]] std::optional<RecordedEvent> take(RecordedTime time, std::uint64_t id,
                                                    Bytes bytes, RecordedSite site);
    [[nodiscard]] std::optional<RecordedEvent> release(RecordedTime time, std::uint64_t id);
    [[nodiscard]] std::optional<RecordedEvent> relabel(RecordedTime time, std::uint64_t id,
                                                       TextRef purpose);
    /// Releases one of which it was not told that it was taken, but which is in the amounts.
    void release_unknown(RecordedTime time, const TextRef& purpose, Bytes bytes);
    void relabel_unknown(RecordedTime time, const TextRef& before, const TextRef& purpose,
                         Bytes bytes);
    /// It has these, and no others.
    void set_amounts(RecordedTime time, std::span<const RecordedAmount> amounts);
    /// Whether only sums are known of it now, and no allocations.
    [[nodiscard]] bool has_sums_only() const { return alive_.empty(); }
    /// It gives back all that it has, and each allocation is told as released.
    void give_all_back(RecordedTime time, RecordSink& sink);
    /// It has nothing any more, as its process has ended: what it had then is what was left.
    void clear(RecordedTime time);

    /// What has changed since it was last asked, at most: the moment when the total was largest,
    /// and now.
    void take_changes(RecordedTime now, std::vector<RecordedAmounts>& into);

private:
    struct Alive {
        Bytes bytes;
        RecordedSite site;
    };
    void add(const TextRef& purpose, Bytes bytes);
    void subtract(const TextRef& purpose, Bytes bytes, RecordedTime time);
    void note_peak(RecordedTime time);
    [[nodiscard]] RecordedAmounts amounts_at(RecordedTime time) const;

    HolderRef holder_;
    ToldBudget* allocations_;
    std::unordered_map<std::uint64_t, Alive> alive_;
    std::map<std::uint64_t, RecordedAmount> amounts_;  ///< by the number of the name
    Bytes total_;
    std::uint64_t n_beyond_ = 0;  ///< the budget, of those that are in no sum and not yet released
    bool changed_ = false;
    Bytes told_total_;
    std::optional<RecordedAmounts> peak_;  ///< since it was last asked
};

}  // namespace hexcore
