#include "hexcore/backend/experts/cache_policy.hpp"

#include <algorithm>

#include "hexcore/base/check.hpp"

namespace hexcore {

CachePolicy::CachePolicy(const CachePolicyOptions& options)
    : options_(options), slots_(options.slots) {
    for (std::uint32_t slot = options.slots; slot > 0; --slot) {
        empty_.push_back(slot - 1);
    }
}

std::optional<CacheSlot> CachePolicy::lookup(CachedExpert expert) {
    ++counters_.lookups;
    Known& known = known_[expert];
    if (known.used != token_) {
        known.used = token_;
        ++working_set_;
    }
    if (known.slot == none) {
        note_miss(expert, known);
        return std::nullopt;
    }
    Slot& slot = slots_[known.slot];
    if (slot.holding != Holding::expert) {
        return std::nullopt;
    }
    ++counters_.hits;
    slot.used = token_;
    unlink(known.slot);
    link_newest(known.slot);
    return CacheSlot(known.slot);
}

void CachePolicy::note_miss(CachedExpert expert, Known& known) {
    if (known.missed == token_) {
        return;
    }
    const std::uint64_t distance = known.missed == 0 ? 0 : token_ - known.missed;
    known.distance = distance <= options_.window_tokens ? distance : 0;
    known.missed = token_;
    if (known.distance != 0) {
        wanted_.push_back(expert);
    }
}

const std::vector<ExpertUpload>& CachePolicy::end_token() {
    uploads_.clear();
    bypassed_ = working_set_ > slots_.size();
    // Who comes back soonest first; who comes back as soon, in the order of the layers.
    std::ranges::stable_sort(wanted_, {}, [this](const CachedExpert& expert) {
        return known_.find(expert)->second.distance;
    });
    for (const CachedExpert& expert : wanted_) {
        const std::uint32_t slot =
            uploads_.size() < options_.uploads_per_token ? make_room() : none;
        if (slot == none) {
            break;
        }
        Known& known = known_[expert];
        known.slot = slot;
        known.missed = 0;  // when it has gone again, one miss brings it back no sooner than another
        slots_[slot].expert = expert;
        slots_[slot].holding = Holding::under_way;
        uploads_.push_back({expert, CacheSlot(slot)});
    }
    counters_.uploads += uploads_.size();
    wanted_.clear();
    working_set_ = 0;
    ++token_;
    return uploads_;
}

std::uint32_t CachePolicy::make_room() {
    if (!empty_.empty()) {
        const std::uint32_t slot = empty_.back();
        empty_.pop_back();
        return slot;
    }
    const std::uint32_t slot = oldest_;
    if (bypassed_ || slot == none || slots_[slot].used == token_) {
        return none;  // so were those that are newer, or they came just now
    }
    unlink(slot);
    known_[slots_[slot].expert].slot = none;
    return slot;
}

void CachePolicy::arrived(CacheSlot slot, Bytes bytes) {
    Slot& filled = slots_.at(slot.value());
    HEXCORE_CHECK(filled.holding == Holding::under_way, slot.value(), "waits for no copy");
    filled.holding = Holding::expert;
    // At the newest end, or it could go before it was of any use.
    filled.used = known_[filled.expert].used;
    link_newest(slot.value());
    counters_.uploaded += bytes;
}

void CachePolicy::abandon(CacheSlot slot) {
    Slot& left = slots_.at(slot.value());
    HEXCORE_CHECK(left.holding == Holding::under_way, slot.value(), "waits for no copy");
    left.holding = Holding::nothing;
    known_[left.expert].slot = none;
    empty_.push_back(slot.value());
    ++counters_.abandoned;
}

void CachePolicy::link_newest(std::uint32_t slot) {
    slots_[slot].older = newest_;
    slots_[slot].newer = none;
    (newest_ == none ? oldest_ : slots_[newest_].newer) = slot;
    newest_ = slot;
}

void CachePolicy::unlink(std::uint32_t slot) {
    const Slot& gone = slots_[slot];
    (gone.older == none ? oldest_ : slots_[gone.older].newer) = gone.newer;
    (gone.newer == none ? newest_ : slots_[gone.newer].older) = gone.older;
}

}  // namespace hexcore
