#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hexcore/isolate/machine_room.hpp"
#include "hexcore/isolate/schedule.hpp"
#include "hexcore/reserve/reservation_book.hpp"

namespace hexcore {

/// What runs of a run, all of it together.
struct RunTaken {
    TestNeed let_in = {};  ///< with what they were let in
    TestNeed held = {};    ///< what they have of that by now
    std::uint32_t processors = 0;
};

/// What a run is going to take of the machine: told to others of its user that reserve, other runs
/// above all; and what those leave to it (docs/formats/reservations.md). For one thread.
class RunClaims {
public:
    using Time = std::chrono::nanoseconds;

    struct Options {
        std::string name;          ///< of the run, for people
        bool shares_cores = true;  ///< takes those that other runs leave; else as many as it is to
        std::filesystem::path folder = {};  ///< of the reservations; empty: this user's
    };
    /// Fails with ErrorCode::negative where there can be no reservations, saying why.
    [[nodiscard]] static Result<std::unique_ptr<RunClaims>> open(const Options& options);

    /// What HEXCORE_RESERVATION is for what the run starts.
    [[nodiscard]] const std::string& id() const;
    /// What is looked at from now on; it outlives this.
    void look_at(MachineRoom& room, std::uint32_t slots);

    /// Less is free by what others have reserved and not taken, and slots by their cores.
    void limit(Room& room, const RoomReading& reading, Time now);
    /// Whether others know that the run takes so much, `newest` of that for one that is to begin.
    /// `least`: processors that it keeps busy whoever else has them. False: others were faster.
    [[nodiscard]] bool cover(const RunTaken& taken, std::uint32_t least, const TestNeed& newest);
    /// Says what is taken by now, and gives back what is not needed. `wants_cores`: it would keep
    /// more busy.
    void settle(const RunTaken& taken, bool wants_cores, Time now);

    /// Waits in order with others, for what one that cannot begin needs; has it from the next
    /// limit() on at the earliest. Nothing: for nothing any more.
    void wait_for(const std::string& test, const std::optional<TestNeed>& need);
    [[nodiscard]] bool has_got() const { return waiting_ && waiting_->is_held(); }
    /// When limit() has something to look at, though nothing has changed here.
    [[nodiscard]] std::optional<Time> next_look() const;

    /// By others, and not taken yet, at the last look.
    [[nodiscard]] const TestNeed& reserved() const { return reserved_; }
    /// `reserved and not yet taken are 12.0 GiB by process 4711 (hexcore test -- ctest)`; empty:
    /// nobody has reserved anything.
    [[nodiscard]] std::string holders() const;
    /// `this run has 8 of 16 cores; ...`, with who has the others; empty: it has all.
    [[nodiscard]] std::string core_holders() const;
    /// Once: why reservations are at an end; empty: they are not.
    [[nodiscard]] std::string take_problem() { return std::exchange(problem_, {}); }

private:
    explicit RunClaims(Options options) : options_(std::move(options)) {}
    [[nodiscard]] Result<MachineNow> look(LookAt at) const;
    void look_at_others(const RoomReading& reading, Time now);
    [[nodiscard]] std::vector<DeviceNow> devices_now(const TestNeed& free) const;
    [[nodiscard]] Claim claim_of(const TestNeed& need) const;
    enum class Written : std::uint8_t { yes, less_cores, not_at_all };
    [[nodiscard]] Written write(Claim claim, const TestNeed& held, std::uint32_t least);
    void deny(const TestNeed& newest);
    void give_up(const Error& error);

    Options options_;
    MachineRoom* room_ = nullptr;
    std::uint32_t slots_ = 1;
    std::optional<ReservationBook> book_;   ///< nothing: it was given up
    std::optional<MemoryReservation> own_;  ///< for all that runs
    std::optional<MemoryReservation> waiting_;
    std::string awaiting_;  ///< the test that `waiting_` is for
    TestNeed awaited_;      ///< and what it needs
    TestNeed told_held_;    ///< what others think is taken
    std::uint32_t told_wanted_ = 0;
    // Others, at the last look.
    std::vector<ReservationRecord> strangers_;
    TestNeed reserved_;        ///< by them, and not taken
    std::uint32_t cores_ = 1;  ///< for this run
    std::optional<Time> next_look_;
    Time next_settling_{};
    std::optional<RefusedMemory> refused_;  ///< at the last writing
    std::optional<TestNeed> denied_;        ///< more than this is not left, as was found since
    std::string problem_;
};

}  // namespace hexcore
