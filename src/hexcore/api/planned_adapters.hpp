#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "hexcore/model/adapter_file.hpp"
#include "hexcore/plan/plan.hpp"
#include "hexcore/plan/profile.hpp"
#include "hexcore/runtime/context_options.hpp"

namespace hexcore {

/// What becomes of a plan where a set of adapters cannot be had.
enum class IfAdapterFails {
    fail,       ///< nothing is planned
    leave_out,  ///< it is planned without that set, and before that with fewer sets at a time,
                ///< also where there are more of them than there can be contexts; where a merge is
                ///< asked for, that goes before any set's own context
};

/// Which adapters are asked for, and how.
struct AdapterWishes {
    std::span<const AdapterWish> first = {};  ///< of the first context
    std::span<const std::vector<AdapterWish>> more = {};
    std::uint32_t merging = 0;
    ResidentAdapters resident = {};
    IfAdapterFails if_fails = IfAdapterFails::fail;
};

/// The adapters that a model is planned with: which sets there are, and which of them have a
/// context from the start. Those are the largest, so that there is room for any others in their
/// place.
class PlannedAdapters {
public:
    using Set = std::vector<ChosenAdapter>;

    /// Reads and checks them all. Fails as read_adapters(), with ErrorCode::usage for more contexts
    /// than there can be, and with interrupted once `stop` (null: never) is set; with
    /// IfAdapterFails::leave_out of those beside the first context only with the latter two, and
    /// what is wrong with a set, also with its numbers, is in its place.
    [[nodiscard]] static Result<PlannedAdapters> read(const AdapterWishes& wishes,
                                                      const Inventory& base,
                                                      const std::atomic<bool>* stop);
    /// Of a plan that did not fit, for that reason: asks for less where something can be left out.
    /// False: nothing can.
    [[nodiscard]] bool ask_for_less(const Error& reason);

    /// The adapters of each context, the first one among them.
    [[nodiscard]] std::vector<Set> of_contexts() const;
    /// Set number `i` of those beside the first, or why it was left out.
    [[nodiscard]] const Result<Set>& set(std::size_t i) const { return sets_.at(i); }
    [[nodiscard]] std::size_t n_sets() const { return sets_.size(); }

    /// As the plan has them.
    [[nodiscard]] std::vector<PlannedAdapter> planned() const;
    /// Sentences about them.
    void explain(Plan& plan) const;

private:
    static constexpr std::size_t all_contexts = std::numeric_limits<std::size_t>::max();
    [[nodiscard]] std::vector<std::size_t> largest_first() const;
    [[nodiscard]] std::vector<std::size_t> with_contexts() const;
    [[nodiscard]] Result<void> check() const;
    [[nodiscard]] bool merges() const;
    [[nodiscard]] Result<Set> largest_merge() const;

    Set first_;
    std::vector<Result<Set>> sets_;
    /// As they are asked for, and what of that is asked for still.
    std::uint32_t wished_merging_ = 0;
    std::uint32_t merging_ = 0;
    ResidentAdapters resident_;
    std::size_t most_contexts_ = all_contexts;  ///< of sets that are not merged
    IfAdapterFails if_fails_ = IfAdapterFails::fail;
};

}  // namespace hexcore
