#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "hexcore/recording/told_records.hpp"
#include "hexcore/watch/told_budget.hpp"

namespace hexcore {

/// How much of what all programs tell is followed. An allocation takes about 100 bytes, a stack up
/// to 1.5 KiB.
struct ToldLimits {
    std::size_t allocations = 1'000'000;  ///< alive at a time
    std::size_t holders = recorded_holders_max;
    std::size_t stacks = 65536;
};

/// The names that programs give, each known once, the numbers of what they tell, and how much of it
/// is followed, in one recording. What is too much gets a name of its own, or is counted.
class ToldNames {
public:
    explicit ToldNames(ToldLimits limits = {});

    /// Null for an empty one. Without control characters.
    [[nodiscard]] TextRef text(std::string_view told);
    /// The same holder for one that is like another that has ended. Null: there are too many.
    [[nodiscard]] HolderRef holder(const ProcessRef& process, HolderKind kind,
                                   std::string_view device, Bytes total);
    void holder_ends(HolderRef holder);
    /// The same stack for the same frames. Null: there are too many.
    [[nodiscard]] StackRef stack(std::vector<RecordedFrame> frames);
    /// Of those that are alive.
    [[nodiscard]] ToldBudget& allocations() { return allocations_; }

    /// Sentences on what was not followed, or nothing.
    [[nodiscard]] std::string notes() const;

private:
    static constexpr std::size_t texts_max = 65536;
    struct FramesHash {
        std::size_t operator()(const StackRef& stack) const;
    };
    struct SameFrames {
        bool operator()(const StackRef& a, const StackRef& b) const;
    };

    std::unordered_map<std::string, TextRef> texts_;
    TextRef beyond_;
    std::uint64_t last_text_ = 0;
    std::uint64_t last_holder_ = 0;
    std::vector<HolderRef> ended_;
    std::unordered_set<StackRef, FramesHash, SameFrames> stacks_;
    ToldBudget allocations_;
    ToldBudget holders_;
    ToldBudget stack_budget_;
};

}  // namespace hexcore
