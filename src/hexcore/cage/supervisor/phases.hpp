#pragma once

#include <chrono>
#include <cstdint>

namespace hexcore {

/// How far a supervisor is with its command, and what it is to do next. Times are given. It may
/// itself be stopped or starved for any time: what has to be done is done before time is over.
class SupervisionPhases {
public:
    using Clock = std::chrono::steady_clock;
    enum class Phase : std::uint8_t {
        running,   ///< the command's own process is
        leaving,   ///< it has ended; what it left has a moment to end as well
        sweeping,  ///< all is being ended
        over,
    };
    enum class Step : std::uint8_t {
        wait,
        tell_and_sweep,  ///< what is left is told of as what is going to be ended, and a pass
        sweep,           ///< one pass over all that runs
        give_up,         ///< what still runs stays
    };
    struct Facts {
        bool command_has_ended = false;
        bool has_children = true;
    };

    /// Helpers of a program (a resource tracker, the rest of a pipeline) end a moment after it.
    static constexpr std::chrono::milliseconds leaving_time{200};
    /// A process that hangs in the kernel or is another user's can't be ended.
    static constexpr std::chrono::seconds sweeping_time{10};
    static constexpr int passes_min = 100;

    [[nodiscard]] Phase phase() const { return phase_; }

    /// Everything is to end now.
    void sweep(Clock::time_point now) {
        if (phase_ == Phase::running || phase_ == Phase::leaving) {
            enter(Phase::sweeping, now);
        }
    }

    [[nodiscard]] Step advance(const Facts& facts, Clock::time_point now) {
        if (!facts.has_children) {
            enter(Phase::over, now);
            return Step::wait;
        }
        if (phase_ == Phase::running && facts.command_has_ended) {
            enter(Phase::leaving, now);
        }
        if (phase_ == Phase::leaving && now - began_ >= leaving_time) {
            enter(Phase::sweeping, now);
            ++passes_;
            return Step::tell_and_sweep;
        }
        if (phase_ != Phase::sweeping) {
            return Step::wait;
        }
        if (passes_ >= passes_min && now - began_ >= sweeping_time) {
            enter(Phase::over, now);
            return Step::give_up;
        }
        ++passes_;
        return Step::sweep;
    }

    /// How long it may wait for something to happen; negative: for ever.
    [[nodiscard]] std::chrono::milliseconds patience(Clock::time_point now) const {
        constexpr std::chrono::milliseconds between_passes{10};
        constexpr std::chrono::milliseconds none{0};
        if (phase_ == Phase::leaving) {
            const auto left =
                std::chrono::ceil<std::chrono::milliseconds>(began_ + leaving_time - now);
            return left < none ? none : left;
        }
        return phase_ == Phase::sweeping ? between_passes : std::chrono::milliseconds(-1);
    }

private:
    void enter(Phase phase, Clock::time_point now) {
        phase_ = phase;
        began_ = now;
    }

    Phase phase_ = Phase::running;
    Clock::time_point began_{};
    int passes_ = 0;
};

}  // namespace hexcore
