#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/ids.hpp"

namespace hexcore {

/// An expert of one layer, as a cache of experts knows it.
struct CachedExpert {
    LayerIndex layer;
    ExpertId expert;
    constexpr bool operator==(const CachedExpert&) const = default;
};

/// Place of one expert in the cache, from 0.
using CacheSlot = Index<struct CacheSlotTag>;

/// What is to be copied: the expert's weights, from main memory into that place.
struct ExpertUpload {
    CachedExpert expert;
    CacheSlot slot;
    constexpr bool operator==(const ExpertUpload&) const = default;
};

struct CachePolicyOptions {
    std::uint32_t slots = 0;
    std::uint32_t uploads_per_token = 2;  ///< at most; 0: nothing ever changes
    /// An expert is uploaded when it is missed again at most so many tokens later.
    std::uint32_t window_tokens = 64;
};

/// What the cache was asked since it was made.
struct CachePolicyCounters {
    std::uint64_t lookups = 0;
    std::uint64_t hits = 0;
    std::uint64_t uploads = 0;  ///< decided; with `abandoned` and those under way
    std::uint64_t abandoned = 0;
    Bytes uploaded;  ///< what arrived
};

/// Which experts that lie in main memory have a copy in a cache, and which get one: a pure function
/// of what was looked up. It knows no clock and moves no byte; whoever copies says when that is
/// done. For one thread at a time.
///
/// After each token the least recently used make room, but never one that the token used, or whose
/// copy is under way. Whoever is missed once gets nothing, so a scan over many experts that nobody
/// wants again displaces none. Of a token that needs more experts than there are slots, recency
/// says the opposite of what is wanted next (each would be displaced before it is used again): then
/// nothing is displaced, and what is there stays.
class CachePolicy {
public:
    explicit CachePolicy(const CachePolicyOptions& options);

    /// Where it lies, if it does, and notes that the token uses it. Ask for experts that lie in
    /// main memory alone; asking for one again within a token changes no decision.
    [[nodiscard]] std::optional<CacheSlot> lookup(CachedExpert expert);

    /// Ends a token, or a batch of them that was computed together: what is to be uploaded now. Who
    /// lay in such a slot is not found any more, and the new one is not found before arrived().
    /// Valid until the next call.
    [[nodiscard]] const std::vector<ExpertUpload>& end_token();

    /// The copy into that slot is complete, and took so much.
    void arrived(CacheSlot slot, Bytes bytes);
    /// There will be no copy in that slot: it is empty.
    void abandon(CacheSlot slot);

    [[nodiscard]] std::uint32_t slots() const { return options_.slots; }
    [[nodiscard]] const CachePolicyCounters& counters() const { return counters_; }
    /// Whether the last token needed more experts than there are slots.
    [[nodiscard]] bool bypassed() const { return bypassed_; }

private:
    static constexpr std::uint32_t none = ~std::uint32_t{0};
    enum class Holding : std::uint8_t { nothing, under_way, expert };
    struct Slot {
        CachedExpert expert;
        Holding holding = Holding::nothing;
        std::uint64_t used = 0;  ///< the last token that did
        /// Those that were used before and after this one; only of slots that hold an expert.
        std::uint32_t older = none;
        std::uint32_t newer = none;
    };
    /// All that is known of an expert that was looked up.
    struct Known {
        std::uint32_t slot = none;   ///< that holds it, or is going to
        std::uint64_t used = 0;      ///< the last token that looked it up; 0: none
        std::uint64_t missed = 0;    ///< the same of those that did not find it
        std::uint64_t distance = 0;  ///< in tokens, between its last two misses; 0: too long
    };
    struct Hash {
        std::size_t operator()(const CachedExpert& key) const {
            return (static_cast<std::size_t>(key.layer.value()) << 32U | key.expert.value()) *
                   std::size_t{0x9E3779B97F4A7C15U};
        }
    };

    void note_miss(CachedExpert expert, Known& known);
    void link_newest(std::uint32_t slot);
    void unlink(std::uint32_t slot);
    /// A slot that may be filled; `none` where there is none.
    [[nodiscard]] std::uint32_t make_room();

    CachePolicyOptions options_;
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> empty_;  ///< the next one at the end
    std::uint32_t oldest_ = none;
    std::uint32_t newest_ = none;
    std::unordered_map<CachedExpert, Known, Hash> known_;
    std::uint64_t token_ = 1;
    std::size_t working_set_ = 0;  ///< experts that this token looked up
    std::vector<CachedExpert> wanted_;
    std::vector<ExpertUpload> uploads_;
    bool bypassed_ = false;
    CachePolicyCounters counters_;
};

}  // namespace hexcore
