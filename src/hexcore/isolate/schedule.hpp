#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/isolate/test_results.hpp"

namespace hexcore {

/// Whence it is known what a job takes.
enum class NeedBasis { unknown, learned, declared };

/// One or more tests that run in one process, as far as their order goes.
struct ScheduledJob {
    TestNeed need = {};
    TestNeed least = {};  ///< what it took, where `need` has a margin; else the same
    NeedBasis basis = NeedBasis::unknown;
    double seconds = 0;       ///< expected; 0: nobody knows
    std::string family = {};  ///< its program: what others of it took is a guess for unknown ones
    std::uint32_t processors = 1;
    bool alone = false;  ///< nothing beside it
    std::vector<std::string> locks = {};
    std::vector<std::size_t> after = {};       ///< jobs that have to be over
    std::vector<std::size_t> on_success = {};  ///< jobs that have to have passed
};

/// What there is at one time for tests that are to begin.
struct Room {
    TestNeed free = {};         ///< beyond what those that run may still take, and others reserved
    bool sound = true;          ///< what ended has given back what it took
    std::uint32_t slots = ~0U;  ///< processors that others leave; one job may have more
};

struct ScheduleOptions {
    std::uint32_t slots = 1;              ///< processors, or how many may run at once
    TestNeed capacity = {};               ///< what there is in all
    std::chrono::nanoseconds patience{};  ///< how long one may wait for memory that others hold
    bool as_given = false;                ///< in the order of the list, where that is possible
};

/// Which jobs run when: light ones first, and heavier ones once a lighter one has ended and the
/// machine is as it was; unknown ones one by one at first, and more at a time the more of their
/// family are known; among those, in the order that takes least on paper. It asks no clock and no
/// machine: times are given, counted from the start.
class Schedule {
public:
    using Time = std::chrono::nanoseconds;

    using Options = ScheduleOptions;

    Schedule(std::vector<ScheduledJob> jobs, Options options);

    struct Start {
        std::size_t job = 0;
        TestNeed need = {};  ///< of an unknown one a guess
        bool alone = false;
        std::uint32_t processors = 1;
        bool regardless = false;  ///< it has waited in vain, and may still get by
    };
    struct Refusal {
        std::size_t job = 0;
        enum class Why {
            no_room,     ///< others held what it needs, up to its deadline
            not_sound,   ///< a device that it needs was not as it was, up to its deadline
            never_fits,  ///< it declares more than there is
            setup_failed,
            circle,  ///< it waits for itself
        };
        Why why = Why::no_room;
        TestNeed need = {};
    };
    struct Decision {
        std::vector<Start> starts;
        std::vector<Refusal> refusals;       ///< over, they never ran
        std::vector<std::size_t> postponed;  ///< newly: others hold what these need
        std::optional<Time> look_again;      ///< even if nothing has ended until then
        /// Of those that wait for what others hold the one that needs least.
        std::optional<std::size_t> waits = {};
    };
    [[nodiscard]] Decision decide(Time now, const Room& room);

    enum class End { passed, failed };
    /// A job that was started is over. `peak`: what it took.
    void ended(std::size_t job, End end, Bytes peak);
    /// A job that was started and has ended, but not for good.
    void again(std::size_t job, bool alone);
    /// A job that was to be started, and could not be: it comes first, as it was.
    void not_started(std::size_t job);
    /// What others hold may be free now: the times until which jobs wait are over.
    void look_now();

    [[nodiscard]] bool is_over() const { return left_ == 0; }
    [[nodiscard]] std::size_t running() const { return running_.size(); }
    /// Ready but for room, when it was last decided.
    [[nodiscard]] std::size_t waiting_for_room() const { return waiting_; }
    [[nodiscard]] TestNeed need_of(std::size_t job) const { return need_of(works_[job]); }
    /// Nothing can come of it any more.
    [[nodiscard]] bool is_over(std::size_t job) const { return works_[job].state == State::over; }
    [[nodiscard]] bool any_pending() const { return !pending_.empty(); }

private:
    enum class State { pending, running, over };
    struct Work {
        ScheduledJob job;
        State state = State::pending;
        int tier = 0;
        std::size_t blocked_by = 0;  ///< jobs that are not over yet
        bool cannot = false;
        std::vector<std::size_t> then = {};  ///< jobs that wait for this one
        std::uint32_t passed_over = 0;
        Time expected_end{};  ///< of one that runs
        TestNeed let_in = {};
        std::optional<Time> short_since = {};
        std::optional<Time> was_short_since = {};  ///< before it began
        Time delay{};
        Time next_look{};
    };
    /// Room that is kept for one that many have passed.
    struct Hold {
        Time until{};  ///< when it is expected to fit
        TestNeed spare = {};
        std::uint32_t spare_slots = 0;
    };
    struct Family {
        std::size_t ended = 0;
        std::size_t unknown_running = 0;
        Bytes largest;
    };

    void link();
    void order();
    [[nodiscard]] Hold hold_for(std::size_t job, Time now, const Room& room) const;
    [[nodiscard]] bool may_pass(const Hold& hold, const Work& work, Time now) const;
    void finish(std::size_t job, bool passed);
    [[nodiscard]] int tier_of(const TestNeed& need) const;
    /// Whether heavier ones wait for what lighter ones show.
    enum class Tiers { in_turn, all_open };
    [[nodiscard]] bool is_open(int tier, bool sound) const;
    [[nodiscard]] TestNeed need_of(const Work& work) const;
    [[nodiscard]] bool may_begin(const Work& work, bool sound, Tiers tiers) const;
    void begin(std::size_t job, Time now, Room& room, Decision& decision, bool alone);
    void refuse_blocked(Decision& decision);
    void start_side_by_side(Time now, Room& room, Decision& decision, Tiers tiers);
    void forget_shortness();
    void start_alone(Time now, Room& room, Decision& decision);
    void wait_for_others(Time now, Room& room, Decision& decision);

    Options options_;
    std::vector<Work> works_;
    std::vector<std::size_t> pending_;  ///< in the order in which they are looked at
    std::vector<std::size_t> running_;
    std::map<std::string, Family> families_;
    std::map<std::string, std::size_t> locks_;  ///< held, by whom
    std::map<int, std::size_t> ended_in_tier_;
    std::map<int, std::size_t> all_in_tier_;
    std::size_t left_ = 0;
    std::size_t waiting_ = 0;
    std::uint32_t processors_used_ = 0;
    bool alone_runs_ = false;
    bool any_short_ = false;
};

}  // namespace hexcore
