#include "hexcore/watch/held_books.hpp"

#include <algorithm>
#include <utility>

namespace hexcore {

void HeldBooks::add(const TextRef& purpose, Bytes bytes) {
    auto found = amounts_.find(purpose->number);
    if (found == amounts_.end() && amounts_.size() < recorded_amounts_max) {
        found = amounts_.emplace(purpose->number, RecordedAmount{purpose, {}}).first;
    }
    if (found != amounts_.end()) {
        // A program may tell of more than there can be.
        bytes = std::min(bytes, recorded_bytes_max - found->second.bytes);
        found->second.bytes += bytes;
        total_ += bytes;
    }
    changed_ = true;
}

void HeldBooks::subtract(const TextRef& purpose, Bytes bytes, RecordedTime time) {
    note_peak(time);
    const auto found = amounts_.find(purpose->number);
    if (found != amounts_.end()) {
        const Bytes less = std::min(bytes, found->second.bytes);
        found->second.bytes -= less;
        total_ -= less;
        if (found->second.bytes == Bytes()) {
            amounts_.erase(found);
        }
    }
    changed_ = true;
}

/// Before the total falls: so a peak is copied once, however steadily it was reached.
void HeldBooks::note_peak(RecordedTime time) {
    if (total_ > told_total_ && (!peak_ || total_ > peak_->total())) {
        peak_ = amounts_at(time);
    }
}

RecordedAmounts HeldBooks::amounts_at(RecordedTime time) const {
    RecordedAmounts now{time, holder_, {}};
    for (const auto& [number, amount] : amounts_) {
        now.amounts.push_back(amount);
    }
    return now;
}

std::optional<RecordedEvent> HeldBooks::take(RecordedTime time, std::uint64_t id, Bytes bytes,
                                             RecordedSite site) {
    if (!allocations_->take()) {
        ++n_beyond_;
        return std::nullopt;
    }
    bytes = std::min(bytes, recorded_bytes_max);
    add(site.purpose, bytes);
    alive_.emplace(id, Alive{bytes, site});
    return RecordedEvent{time, EventKind::taken, id, bytes, std::move(site), {}};
}

std::optional<RecordedEvent> HeldBooks::release(RecordedTime time, std::uint64_t id) {
    const auto found = alive_.find(id);
    if (found == alive_.end()) {
        return std::nullopt;
    }
    subtract(found->second.site.purpose, found->second.bytes, time);
    RecordedEvent event{
        time, EventKind::released, id, found->second.bytes, std::move(found->second.site), {}};
    alive_.erase(found);
    allocations_->give_back(1);
    return event;
}

std::optional<RecordedEvent> HeldBooks::relabel(RecordedTime time, std::uint64_t id,
                                                TextRef purpose) {
    const auto found = alive_.find(id);
    if (found == alive_.end()) {
        return std::nullopt;
    }
    Alive& alive = found->second;
    TextRef before = std::exchange(alive.site.purpose, std::move(purpose));
    subtract(before, alive.bytes, time);
    add(alive.site.purpose, alive.bytes);
    return RecordedEvent{time,       EventKind::relabelled, id, alive.bytes,
                         alive.site, std::move(before)};
}

void HeldBooks::release_unknown(RecordedTime time, const TextRef& purpose, Bytes bytes) {
    if (n_beyond_ > 0) {
        --n_beyond_;
    } else {
        subtract(purpose, bytes, time);
    }
}

void HeldBooks::relabel_unknown(RecordedTime time, const TextRef& before, const TextRef& purpose,
                                Bytes bytes) {
    if (n_beyond_ == 0) {
        subtract(before, bytes, time);
        add(purpose, bytes);
    }
}

void HeldBooks::set_amounts(RecordedTime time, std::span<const RecordedAmount> amounts) {
    note_peak(time);
    amounts_.clear();
    total_ = {};
    for (const RecordedAmount& amount : amounts) {
        add(amount.name, amount.bytes);
    }
    changed_ = true;
}

void HeldBooks::give_all_back(RecordedTime time, RecordSink& sink) {
    while (!alive_.empty()) {
        sink.event(*release(time, alive_.begin()->first));
    }
    set_amounts(time, {});
}

void HeldBooks::clear(RecordedTime time) {
    set_amounts(time, {});
    allocations_->give_back(alive_.size());
    alive_.clear();
}

void HeldBooks::take_changes(RecordedTime now, std::vector<RecordedAmounts>& into) {
    if (!changed_) {
        return;
    }
    changed_ = false;
    if (peak_ && peak_->total() > total_) {
        into.push_back(std::move(*peak_));
    }
    peak_.reset();
    told_total_ = total_;
    into.push_back(amounts_at(now));
}

}  // namespace hexcore
