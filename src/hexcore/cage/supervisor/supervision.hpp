#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/cage/supervisor/phases.hpp"
#include "hexcore/cage/supervisor/share_watch.hpp"
#include "hexcore/cage/supervisor/sweeper.hpp"
#include "hexcore/cage/supervisor/words.hpp"
#include "hexcore/cage/supervisor_messages.hpp"

namespace hexcore {

/// What goes on with one command, from before its start until nothing of it is left.
class Supervision {
public:
    /// All signals are held back by then; `before` is what was held before that.
    Supervision(SupervisorTask task, const sigset_t& before);

    /// Returns the exit code of the supervisor.
    [[nodiscard]] int run();

private:
    using Clock = std::chrono::steady_clock;
    using Phase = SupervisionPhases::Phase;

    [[nodiscard]] bool begin();
    [[nodiscard]] bool adopt();
    void know(pid_t command);
    void fail_to_begin(SupervisorStage stage, int why);
    void tell(const SupervisorMessage& message);
    void tell_now();
    [[nodiscard]] bool needs_to_hear() const;
    /// Waits for something to do up to when the phase asks for it.
    void wait();
    void hear_command();
    void look_at_shares();
    void take_ended();
    void take_orders();
    void obey(const SupervisorRequest& request);
    void sweep();
    void command_ended(SupervisorMessage message);
    void advance();
    void tell_processes(bool are_gone);
    void ask_to_end() const;
    void finish();

    SupervisorTask task_;
    sigset_t before_;
    Sweeper sweeper_;
    FileDescriptor signals_;
    std::unique_ptr<ShareWatch> shares_;  ///< null: they have their own
    std::vector<SupervisorMessage> to_tell_;
    std::optional<FileDescriptor> hearing_;  ///< what the command and its parent tell
    SupervisionPhases phases_;
    pid_t parent_ = -1;          ///< of the command, between it and this process; -1: it has ended
    pid_t command_ = 0;          ///< 0: not known yet
    bool has_ended_ = false;     ///< the command
    bool parent_tells_ = false;  ///< the starter that all is done
    bool all_told_ = false;      ///< by its parent
    bool no_children_ = false;
    bool starter_is_gone_ = false;
    bool was_killed_ = false;   ///< the starter, before it was told all, or it has dropped the cage
    bool asked_early_ = false;  ///< to end, before it had begun
    Clock::time_point start_;
};

}  // namespace hexcore
