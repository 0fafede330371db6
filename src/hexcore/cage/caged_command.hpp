#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/cage/cage.hpp"
#include "hexcore/cage/control_cell.hpp"
#include "hexcore/cage/kept_output.hpp"
#include "hexcore/cage/supervisor_messages.hpp"

namespace hexcore {

/// A supervisor that a cage has instead of one that never began.
struct FreshSupervisor {
    FileDescriptor control;
    FileDescriptor output;
    pid_t pid = 0;  ///< a child of this process
};

/// What a yard gives to a cage, and gets back when it is over.
struct CageParts {
    CageLimits limits;
    std::unique_ptr<ControlCell> cell;      ///< null: none
    std::optional<FileDescriptor> control;  ///< to the supervisor
    std::optional<FileDescriptor> output;   ///< what the command writes; -1: this process's own
    pid_t supervisor = 0;                   ///< a child of this process; 0: somebody else's
    bool is_adopted = false;                ///< the process is not the supervisor's own
    std::string program;                    ///< for messages
    std::filesystem::path temporary = {};   ///< the command's TMPDIR; empty: not its own
    std::string untold_prefix = {};         ///< as CageCommand::untold_prefix
    bool keeps = false;                     ///< as CageCommand::keeps, until it is let go
    std::function<void(std::string_view)> on_output = {};  ///< as CageCommand::on_output
    std::string mark = {};  ///< NAME=value in the environment of its processes alone
    /// Takes the cell back, and waits for the supervisor's end, sooner or later; by its handle
    /// where the cage is dropped while it goes on.
    std::function<void(std::unique_ptr<ControlCell>, pid_t, std::optional<FileDescriptor>)>
        give_back;
    /// To be called while the supervisor has not said anything, and how long that is.
    std::function<void(std::chrono::steady_clock::duration)> wait_for_supervisor = {};
    /// Once, where what was to become the supervisor has ended before the command was started.
    std::function<Result<FreshSupervisor>()> start_anew = {};
    /// Of a process that SIGKILL has just ended, and we did not send it.
    std::function<KilledBy()> who_killed;
};

/// The cage of a command, or of an adopted process, with a supervisor.
class CagedCommand final : public Cage {
public:
    explicit CagedCommand(CageParts parts);
    ~CagedCommand() override;

    [[nodiscard]] std::vector<int> descriptors() const override;
    bool step() override;
    void sample() override;
    [[nodiscard]] std::chrono::milliseconds next_sample_in() const override;
    [[nodiscard]] pid_t pid() const override { return pid_; }
    [[nodiscard]] Bytes held() const override { return held_; }
    [[nodiscard]] Bytes peak() const override { return peak_; }
    void forget_peak() override { peak_ = held_; }
    [[nodiscard]] std::vector<MemoryOwner> owners() const override;
    void take_device_reading(const std::string& device,
                             const std::vector<MemoryOwner>& holders) override;
    [[nodiscard]] Result<void> change_limits(const CageLimits& limits) override;
    void ask_to_end(EndedByUs why) override;
    void kill(EndedByUs why) override;
    void send_signal(int signal) override { order(SupervisorOrder::signal, signal); }
    [[nodiscard]] bool take_stopped() override { return std::exchange(was_stopped_, false); }
    [[nodiscard]] bool is_kept() const override { return parts_.keeps && has_ended_ && !is_over_; }
    void let_go() override {
        if (std::exchange(parts_.keeps, false)) {
            order(SupervisorOrder::let_go);
        }
    }
    [[nodiscard]] const CageOutcome& outcome() const override { return outcome_; }

private:
    using Clock = std::chrono::steady_clock;
    static constexpr const char* limit_of_memory = "memory";
    static constexpr std::size_t owners_max = 8;

    [[nodiscard]] std::vector<pid_t> members() const;
    [[nodiscard]] Bytes sum_of(const std::vector<pid_t>& pids, bool exactly) const;
    void note_held(Bytes held);
    void sample_group();
    void sample_processes();
    void note_limit_reached();
    void breach(const std::string& device, Bytes limit, Bytes used,
                std::vector<MemoryOwner> owners);
    void order(SupervisorOrder what, int signal = 0) const;
    void read_output();
    void read_notes();
    void take(const SupervisorMessage& message);
    void take_end(const SupervisorMessage& message);
    [[nodiscard]] bool supervisor_has_ended() const;
    void lose_supervisor();
    [[nodiscard]] bool starts_anew();
    void note_output();
    void finish();

    CageParts parts_;
    CageOutcome outcome_;
    KeptOutput output_;
    pid_t pid_ = 0;
    Bytes held_;
    Bytes peak_;
    pid_t supervisor_ = 0;
    std::optional<FileDescriptor> handle_;  ///< of the supervisor's process; readable at its end
    pid_t between_ = 0;                     ///< the command's parent, which is the supervisor's
    Bytes before_adoption_;  ///< what an adopted process shares with the one that forked it
    double bytes_per_s_ = 0;
    Clock::time_point start_;
    Clock::time_point sampled_;
    std::vector<MemoryOwner> last_owners_;  ///< of a sample near the limit
    bool output_is_over_ = false;
    bool was_stopped_ = false;
    std::optional<Clock::time_point> killed_;  ///< when kill() was first called
    bool has_ended_ = false;                   ///< the command's own process
    bool is_over_ = false;
};

}  // namespace hexcore
