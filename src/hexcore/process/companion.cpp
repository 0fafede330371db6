#include "hexcore/process/companion.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <optional>
#include <thread>

#include "hexcore/base/check.hpp"
#include "hexcore/process/child_start.hpp"

namespace hexcore {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// Longer lines are no words of ours.
constexpr std::size_t longest_line = 1U << 20;

class StartedCompanion : public Companion {
public:
    StartedCompanion(std::filesystem::path program, std::unique_ptr<Pipe> words,
                     std::unique_ptr<Pipe> failure, pid_t pid)
        : program_(std::move(program)),
          words_(std::move(words)),
          failure_(std::move(failure)),
          pid_(pid),
          child_(pid) {}

    pid_t pid() const override { return pid_; }

    Heard hear(std::string& line, milliseconds at_most) override {
        const auto until = Clock::now() + at_most;
        for (;;) {
            if (const std::size_t end = heard_.find('\n'); end != std::string::npos) {
                line = heard_.substr(0, end);
                heard_.erase(0, end + 1);
                return Heard::line;
            }
            if (words_->reading() < 0 || heard_.size() > longest_line) {
                return Heard::end;
            }
            const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
            pollfd waiting{words_->reading(), POLLIN, 0};
            const int wait_ms = static_cast<int>(std::max(left, milliseconds(0)).count());
            if (::poll(&waiting, 1, wait_ms) <= 0) {
                return Heard::nothing;
            }
            (void)words_->read_some(heard_);
        }
    }

    void ask_to_end() override { signal(SIGTERM); }
    void kill() override { signal(SIGKILL); }

    bool wait(milliseconds at_most) override {
        const auto until = Clock::now() + at_most;
        while (!status_) {
            status_ = child_.ended();
            if (!status_ && Clock::now() >= until) {
                return false;
            }
            if (!status_) {
                std::this_thread::sleep_for(milliseconds(1));
            }
        }
        return true;
    }

    Result<ChildOutcome> outcome() const override {
        HEXCORE_CHECK(status_.has_value(), "it was not waited for", pid_);
        if (auto why = not_begun(program_, *failure_)) {
            return tl::unexpected(*std::move(why));
        }
        if (child_.is_lost()) {
            return tl::unexpected(end_is_lost(program_));
        }
        ChildOutcome outcome;
        if (WIFSIGNALED(*status_)) {
            outcome.end = ChildEnd::signalled;
            outcome.signal = WTERMSIG(*status_);
        } else {
            outcome.exit_code = WEXITSTATUS(*status_);
        }
        return outcome;
    }

private:
    void signal(int number) const {
        if (child_.pid() > 0) {  // it was not waited for: the number is still its own
            ::kill(child_.pid(), number);
        }
    }

    const std::filesystem::path program_;
    std::unique_ptr<Pipe> words_;
    std::unique_ptr<Pipe> failure_;
    const pid_t pid_;
    Running child_;
    std::optional<int> status_;
    std::string heard_;
};

}  // namespace

Result<std::unique_ptr<Companion>> Companion::start(const CompanionCommand& command) {
    auto words = std::make_unique<Pipe>();
    auto failure = std::make_unique<Pipe>(O_NONBLOCK);
    for (const Pipe* pipe : {words.get(), failure.get()}) {
        if (pipe->error() != 0) {
            return tl::unexpected(refused_process(pipe->error()));
        }
    }
    HEXCORE_TRY(pid, start_child({.program = command.program,
                                  .arguments = command.arguments,
                                  .more_variables = command.more_variables,
                                  .name = command.name,
                                  .out = words->writing(),
                                  .err = STDERR_FILENO,
                                  .group = ChildGroup::own},
                                 *failure));
    words->close_writing();
    failure->close_writing();
    return std::make_unique<StartedCompanion>(command.program, std::move(words), std::move(failure),
                                              pid);
}

}  // namespace hexcore
