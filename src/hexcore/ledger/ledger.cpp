// Sinks are told under the lock: so each event comes with the sums of its moment, and all sinks
// hear of one order. What a buffer of libllama's is for shows only after it was taken, by what
// libllama writes into it without telling anybody; so such entries are looked at when somebody asks
// for the sums, and before it is told that something is released or refused.
#include "hexcore/ledger/ledger.hpp"

#include <utility>

namespace hexcore {

LedgerEntry::LedgerEntry(Ledger& ledger, Reservation reservation, std::optional<Purpose> purpose)
    : ledger_(&ledger), reservation_(std::move(reservation)) {
    const Bytes size = reservation_.size();
    const std::lock_guard lock(ledger.mutex_);
    record_ = ledger.records_.insert(ledger.records_.end(), {size, {}});
    ledger.ahead_ += size;
    if (purpose) {
        ledger.label(*record_, *purpose);
    } else {
        ledger.tell(LedgerEvent::Kind::taken_ahead, *record_);
    }
}

LedgerEntry::LedgerEntry(LedgerEntry&& other) noexcept
    : ledger_(std::exchange(other.ledger_, nullptr)),
      reservation_(std::move(other.reservation_)),
      record_(other.record_) {}

LedgerEntry& LedgerEntry::operator=(LedgerEntry&& other) noexcept {
    if (this != &other) {
        write_off();
        ledger_ = std::exchange(other.ledger_, nullptr);
        reservation_ = std::move(other.reservation_);
        record_ = other.record_;
    }
    return *this;
}

void LedgerEntry::label(Purpose purpose) {
    const std::lock_guard lock(ledger_->mutex_);
    record_->shown = nullptr;
    ledger_->label(*record_, purpose);
}

void LedgerEntry::label_as_shown(std::function<Purpose()> shown) {
    const std::lock_guard lock(ledger_->mutex_);
    record_->shown = std::move(shown);
}

void LedgerEntry::write_off() noexcept {
    if (ledger_ == nullptr) {
        return;
    }
    Ledger& ledger = *std::exchange(ledger_, nullptr);
    const std::lock_guard lock(ledger.mutex_);
    if (!ledger.sinks_.empty()) {
        ledger.look();  // they want to know what was held
    }
    (record_->purpose ? ledger.held_[*record_->purpose] : ledger.ahead_) -= record_->size;
    ledger.tell(LedgerEvent::Kind::released, *record_);
    ledger.records_.erase(record_);
}

void Ledger::add_sink(LedgerSink& sink) {
    HEXCORE_CHECK(budget_.used() == Bytes{}, budget_.device_name(), budget_.used().count());
    const std::lock_guard lock(mutex_);
    sinks_.push_back(&sink);
}

Result<LedgerEntry> Ledger::take(Bytes size, Purpose purpose,
                                 const std::function<Result<void>()>& get) {
    const auto attempt = [&]() -> Result<LedgerEntry> {
        HEXCORE_TRY(reservation, budget_.reserve(size));
        if (get) {
            HEXCORE_TRY_VOID(get());
        }
        return LedgerEntry(*this, std::move(reservation), purpose);
    };
    auto entry = attempt();
    if (!entry) {
        refuse(entry.error(), size, purpose);
    }
    return entry;
}

std::optional<LedgerEntry> Ledger::take_ahead(Bytes size) {
    auto reservation = budget_.reserve(size);
    if (!reservation) {
        return std::nullopt;
    }
    return LedgerEntry(*this, std::move(*reservation), std::nullopt);
}

void Ledger::refuse(Error why, Bytes size, std::optional<Purpose> purpose) {
    const std::lock_guard lock(mutex_);
    if (!sinks_.empty()) {
        look();  // they want to know what is held
    }
    tell(LedgerEvent::Kind::refused, {size, purpose}, {}, &why);
    if (!refusal_) {
        refusal_ = std::move(why);
    }
}

Usage Ledger::accounted() {
    const std::lock_guard lock(mutex_);
    look();
    return held_;
}

void Ledger::reset_statistics() {
    const std::lock_guard lock(mutex_);
    budget_.reset_statistics();
    refusal_.reset();
}

std::optional<Error> Ledger::last_refusal() {
    const std::lock_guard lock(mutex_);
    return std::exchange(refusal_, std::nullopt);
}

void Ledger::label(Record& record, Purpose purpose) {
    if (record.purpose == purpose) {
        return;
    }
    const std::optional<Purpose> before = std::exchange(record.purpose, purpose);
    (before ? held_[*before] : ahead_) -= record.size;
    held_[purpose] += record.size;
    tell(before ? LedgerEvent::Kind::relabelled : LedgerEvent::Kind::taken, record, before);
}

void Ledger::look() {
    for (Record& record : records_) {
        if (record.shown) {
            label(record, record.shown());
        }
    }
}

void Ledger::tell(LedgerEvent::Kind kind, const Record& record, std::optional<Purpose> before,
                  const Error* why) noexcept {
    for (LedgerSink* sink : sinks_) {
        sink->told({.kind = kind,
                    .device = budget_.device_name(),
                    .purpose = record.purpose,
                    .purpose_before = before,
                    .bytes = record.size,
                    .id = reinterpret_cast<std::uintptr_t>(&record),
                    .held = held_,
                    .ahead = ahead_,
                    .why = why});
    }
}

void ToldEntries::update(const Usage& now) {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        const Bytes size = now[all_purposes[i]];
        if (entries_[i].size() == size) {
            continue;
        }
        entries_[i] = LedgerEntry();
        if (size > Bytes{}) {
            entries_[i] = ledger_.take(size, all_purposes[i]).value();
        }
    }
}

}  // namespace hexcore
