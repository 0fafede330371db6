#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/reserve/claim.hpp"
#include "hexcore/reserve/machine_now.hpp"
#include "hexcore/reserve/reservation_folder.hpp"
#include "hexcore/reserve/standing.hpp"

namespace hexcore {

struct BookOptions {
    std::filesystem::path folder = {};  ///< empty: reservations_home()
    KeptBack kept = {};
    /// The reservation that what is made is a part of; nothing: that of HEXCORE_RESERVATION.
    std::optional<std::string> within = {};
    /// Is asked with the folder's turn held if it is for main memory alone.
    std::function<Result<MachineNow>(LookAt)> look = look_at_machine;
    /// How long another process may count, which takes milliseconds, before it counts as frozen.
    std::chrono::milliseconds longest_turn{5'000};
};

/// How long to wait for what is not free.
struct Patience {
    std::chrono::milliseconds deadline{0};    ///< 0: not at all
    const std::atomic<bool>* stop = nullptr;  ///< ends the wait within a tenth of a second
    /// Is told once what is missing and who has it, before a wait.
    std::function<void(const std::string& sentence)> tell = {};
};

/// What somebody who does many things with one reservation makes of it.
struct ReservationChange {
    Claim claim;                     ///< with what is used of devices
    Bytes host_used = {};            ///< as of MemoryReservation::tell_used()
    std::uint32_t least_cores = 0;   ///< it keeps them busy whoever else has them
    std::uint32_t cores_wanted = 0;  ///< as of ReservationRecord
};

class ReservationBook;

/// Memory and cores of a machine that other Hexcore processes leave alone. Given back at the end of
/// its scope, or with the process, however that ends; a child that was forked has none of it.
/// For one thread at a time. Move-only.
class MemoryReservation {
public:
    MemoryReservation(MemoryReservation&&) noexcept;
    MemoryReservation& operator=(MemoryReservation&&) noexcept;
    ~MemoryReservation();

    [[nodiscard]] const Claim& claim() const;
    /// What HEXCORE_RESERVATION is for processes that are started on account of it.
    [[nodiscard]] const std::string& id() const;
    /// False while it waits, and once it was given back.
    [[nodiscard]] bool is_held() const;
    /// For one that waits: looks again, and has it from now on where that is true.
    [[nodiscard]] Result<bool> look();
    /// Of one that waits: what was missing at the last look, and who has it.
    [[nodiscard]] std::string shortage() const;

    /// From now on it is for `claim`. Fails with ErrorCode::does_not_fit where that is more and the
    /// rest is not free, also for those that wait; it is what it was then.
    [[nodiscard]] Result<void> resize(Claim claim);
    /// The same, but of the cores it gets only as many as are left, and says what is used. Gives
    /// the cores that it has then.
    [[nodiscard]] Result<std::uint32_t> change(const ReservationChange& change);
    /// From now on it is for what `other` was for, too, which is held, and given back.
    [[nodiscard]] Result<void> absorb(MemoryReservation other);
    /// Says how much is taken by now: of main memory (where nobody ever says, others look at what
    /// this process holds) and of the devices, in the order of the claim.
    [[nodiscard]] Result<void> tell_used(Bytes host, const std::vector<Bytes>& devices = {});

    void release();

private:
    friend class ReservationBook;
    friend class ResourceManager;
    struct State;
    explicit MemoryReservation(std::shared_ptr<State> state);
    // A ResourceManager knows it, too, to give it back in a cleanup.
    std::shared_ptr<State> state_;
};

/// The reservations of this user's processes on this machine (docs/formats/reservations.md).
class ReservationBook {
public:
    /// Fails with ErrorCode::negative where there can be none, saying why.
    [[nodiscard]] static Result<ReservationBook> open(BookOptions options = {});

    /// What is left for a newcomer that keeps nothing back.
    [[nodiscard]] Result<Left> left(LookAt at) const;
    /// All that are held or waited for, by ticket.
    [[nodiscard]] Result<ReservationsRead> read() const;

    /// Takes it, or waits in order: who waits for as much longer comes first, and later ones get
    /// only what it does not want. Fails with ErrorCode::does_not_fit at the deadline, or at once
    /// where it can never be, saying who has it; with interrupted; with negative where reservations
    /// cannot be kept.
    [[nodiscard]] Result<MemoryReservation> reserve(const std::string& name, const Claim& claim,
                                                    const Patience& patience = {}) const;
    /// The same for whoever has other things to do meanwhile: it may have it at once, or wait for
    /// MemoryReservation::look().
    [[nodiscard]] Result<MemoryReservation> ask(const std::string& name, const Claim& claim) const;

private:
    struct Shared;
    explicit ReservationBook(std::shared_ptr<const Shared> shared);
    friend class MemoryReservation;

    // Its reservations may outlive it.
    std::shared_ptr<const Shared> shared_;
};

}  // namespace hexcore
