#pragma once

#include <array>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/ledger/budget.hpp"
#include "hexcore/ledger/ledger_sink.hpp"
#include "hexcore/ledger/usage.hpp"

namespace hexcore {

class Ledger;

/// A line of a Ledger: a reservation, and what it is for. Move-only; returns itself.
class [[nodiscard]] LedgerEntry {
public:
    LedgerEntry() = default;
    LedgerEntry(LedgerEntry&& other) noexcept;
    LedgerEntry& operator=(LedgerEntry&& other) noexcept;
    LedgerEntry(const LedgerEntry&) = delete;
    LedgerEntry& operator=(const LedgerEntry&) = delete;
    ~LedgerEntry() { write_off(); }

    [[nodiscard]] Bytes size() const { return reservation_.size(); }
    /// It is for `purpose`. What was taken ahead is taken by this.
    void label(Purpose purpose);
    /// It is for what `shown` says whenever somebody looks, until the next label().
    void label_as_shown(std::function<Purpose()> shown);
    /// Tells that the memory is going to be given back, and takes it off the books; the budget has
    /// it back when the entry ends. For memory that sinks want to look at before it goes. A second
    /// call does nothing.
    void write_off() noexcept;

private:
    friend class Ledger;
    struct Record {
        Bytes size;
        std::optional<Purpose> purpose;       ///< empty: taken ahead
        std::function<Purpose()> shown = {};  ///< empty: the purpose is known
    };
    LedgerEntry(Ledger& ledger, Reservation reservation, std::optional<Purpose> purpose);

    Ledger* ledger_ = nullptr;  ///< null: written off
    Reservation reservation_;
    std::list<Record>::iterator record_;
};

/// The books of one device's memory: what is held within its budget by purpose, and what was
/// refused. Every change is told to the sinks. Safe to use from several threads. Must outlive its
/// entries.
class Ledger {
public:
    Ledger(std::string device_name, Bytes limit) : budget_(std::move(device_name), limit) {}
    Ledger(const Ledger&) = delete;
    Ledger& operator=(const Ledger&) = delete;

    /// Before any memory is taken.
    void add_sink(LedgerSink& sink);

    /// Takes `size` bytes. `get`, where given, gets the memory itself once the budget has room for
    /// it. Where either fails, that is a refusal, and nothing is left.
    [[nodiscard]] Result<LedgerEntry> take(Bytes size, Purpose purpose,
                                           const std::function<Result<void>()>& get = {});
    /// Takes `size` bytes for somebody who will ask for them, or nothing where they are not there,
    /// which is no refusal yet.
    [[nodiscard]] std::optional<LedgerEntry> take_ahead(Bytes size);
    /// Enters that memory could not be had, or must not be taken.
    void refuse(Error why, Bytes size = {}, std::optional<Purpose> purpose = {});

    /// What is held now, by purpose. The sum is the budget's used(), less what is taken ahead and
    /// what is written off.
    [[nodiscard]] Usage accounted();
    /// The first refusal since it was last asked, if any.
    [[nodiscard]] std::optional<Error> last_refusal();
    [[nodiscard]] const Budget& budget() const { return budget_; }
    /// Of the budget, and no refusal is remembered. Not while others take something.
    void reset_statistics();

private:
    friend class LedgerEntry;
    using Record = LedgerEntry::Record;

    // These need mutex_.
    void label(Record& record, Purpose purpose);
    void look();
    void tell(LedgerEvent::Kind kind, const Record& record, std::optional<Purpose> before = {},
              const Error* why = nullptr) noexcept;

    Budget budget_;
    std::mutex mutex_;
    std::list<Record> records_;
    Usage held_;
    Bytes ahead_;
    std::optional<Error> refusal_;
    std::vector<LedgerSink*> sinks_;
};

/// Entries for memory that somebody else takes and tells of, one for each purpose. The ledger must
/// have room for all that they say.
class ToldEntries {
public:
    explicit ToldEntries(Ledger& ledger) : ledger_(ledger) {}
    /// What is held is `now`. Purposes of which that is as before are left as they are.
    void update(const Usage& now);

private:
    Ledger& ledger_;
    std::array<LedgerEntry, all_purposes.size()> entries_;  ///< as all_purposes
};

}  // namespace hexcore
