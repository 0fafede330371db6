#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/reserve/isolated_run.hpp"
#include "hexcore/reserve/reservation_book.hpp"

namespace hexcore {

/// What ResourceManager::cleanup() gave back.
struct CleanedUp {
    std::size_t reservations = 0;
    Claim reserved = {};  ///< of all of them together
    Bytes held_before;    ///< what this process held of main memory
    Bytes held_after;
};

/// Heavy work beside other programs: its memory is reserved among all Hexcore processes of this
/// user, and it runs in a process from which nothing remains. For one thread.
///
/// With process isolation this process becomes the one that orphans among its descendants go to.
class ResourceManager {
public:
    struct Options {
        Bytes min_free = 4_GiB;         ///< that has to be free of what is reserved from
        Bytes reserved = 1_GiB;         ///< that stays free of it
        bool process_isolation = true;  ///< false: run_isolated(function) calls it in this process
        std::filesystem::path folder = {};      ///< of reservations; empty: reservations_home()
        std::filesystem::path supervisor = {};  ///< hexcore-supervisor; empty: beside the library
        Looker look = look_at_machine;
    };

    /// Fails with ErrorCode::negative where reservations cannot be kept.
    [[nodiscard]] static Result<ResourceManager> open(Options options);
    [[nodiscard]] static Result<ResourceManager> open();
    ResourceManager(ResourceManager&&) noexcept;
    ResourceManager& operator=(ResourceManager&&) = delete;
    ~ResourceManager();

    /// As ReservationBook::reserve(). It may outlive the manager.
    [[nodiscard]] Result<MemoryReservation> reserve(const std::string& name, const Claim& claim,
                                                    const Patience& patience = {});
    /// Gives it back now, and not at the end of its scope.
    static void release(MemoryReservation& reservation) { reservation.release(); }

    /// Runs it in a cage and waits for its end; within a process that has no time to wait, for
    /// `limits.stop`. Fails as run_in_cage() does, and with ErrorCode::usage where no
    /// hexcore-supervisor is found.
    [[nodiscard]] Result<IsolatedRun> run_isolated(const IsolatedCommand& command,
                                                   const IsolatedLimits& limits = {});
    [[nodiscard]] Result<IsolatedRun> run_isolated(const IsolatedFunction& function,
                                                   const IsolatedLimits& limits = {});

    /// Gives back all reservations that this manager made, and the heap's pages that nobody uses.
    CleanedUp cleanup();

private:
    struct State;
    explicit ResourceManager(std::unique_ptr<State> state);
    /// Opened when it is first needed: whoever only reserves needs no supervisor.
    [[nodiscard]] Result<CageYard*> yard();

    std::unique_ptr<State> state_;
};

}  // namespace hexcore
