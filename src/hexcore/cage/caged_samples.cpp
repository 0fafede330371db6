// What is in a cage at one time, and what of its memory is over a limit.
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <utility>

#include "hexcore/cage/caged_command.hpp"
#include "hexcore/cage/descendants.hpp"
#include "hexcore/cage/members.hpp"

namespace hexcore {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds slowest_sample{100};
/// A supervisor gives up on a process that does not end after 10 s, and says so.
constexpr std::chrono::seconds longest_end{15};
/// Memory can be filled this fast where nothing is known: a few threads that touch pages.
constexpr double fastest_fill_bytes_per_s = 4.0 * 1024 * 1024 * 1024;

bool is_near(Bytes held, Bytes limit) { return held.count() > limit.count() / 2; }

}  // namespace

void CagedCommand::note_limit_reached() {
    if (parts_.limits.memory && !killed_ && parts_.cell->waits_at_limit()) {
        note_held(*parts_.limits.memory);
        breach(limit_of_memory, *parts_.limits.memory, *parts_.limits.memory, owners());
    }
}

void CagedCommand::sample() {
    if (is_over_) {
        return;
    }
    if (killed_ && Clock::now() > *killed_ + longest_end) {
        lose_supervisor();
        return;
    }
    if (handle_ && handle_->is_open()) {
        // Whoever it watches may have stopped it.
        (void)::syscall(SYS_pidfd_send_signal, handle_->get(), SIGCONT, nullptr, 0);
    } else if (pid_ == 0 && parts_.wait_for_supervisor) {
        parts_.wait_for_supervisor(Clock::now() - start_);
    }
    if (parts_.cell != nullptr && parts_.cell->limits_memory()) {
        sample_group();
    } else {
        sample_processes();
    }
}

void CagedCommand::sample_group() {
    note_held(parts_.cell->held().value_or(held_));
    if (parts_.cell->limit_event() >= 0) {
        note_limit_reached();
    } else if (parts_.limits.memory && !killed_ && is_near(held_, *parts_.limits.memory)) {
        last_owners_ = owners();  // at the limit the kernel kills them before they can be looked at
    }
}

void CagedCommand::sample_processes() {
    const std::vector<pid_t> pids = members();
    Bytes held = sum_of(pids, false);
    const std::optional<Bytes>& limit = parts_.limits.memory;
    if (limit && is_near(held, *limit)) {
        held = sum_of(pids, true);
    }
    note_held(held);
    if (limit && held > *limit && !killed_) {
        breach(limit_of_memory, *limit, held, owners_among(pids, owners_max));
    }
}

Bytes CagedCommand::sum_of(const std::vector<pid_t>& pids, bool exactly) const {
    Bytes sum;
    for (const pid_t pid : pids) {
        sum += memory_of_member(pid, exactly ? MemberReading::exact : MemberReading::quick);
    }
    return saturating_subtract(sum, before_adoption_);
}

void CagedCommand::note_held(Bytes held) {
    const Clock::time_point now = Clock::now();
    const double seconds = std::chrono::duration<double>(now - sampled_).count();
    bytes_per_s_ = held > held_ && seconds > 0 ? (held - held_).as_double() / seconds : 0;
    sampled_ = now;
    held_ = held;
    peak_ = std::max(peak_, held);
    outcome_.peak = std::max(outcome_.peak, held);
}

milliseconds CagedCommand::next_sample_in() const {
    const bool polls = parts_.cell == nullptr || !parts_.cell->limits_memory();
    if (!polls || !parts_.limits.memory) {
        return slowest_sample;
    }
    const double headroom = saturating_subtract(*parts_.limits.memory, held_).as_double();
    const double ms = headroom / std::max(bytes_per_s_, fastest_fill_bytes_per_s) * 1e3;
    return std::clamp(milliseconds(static_cast<std::int64_t>(ms)), milliseconds(1), slowest_sample);
}

std::vector<pid_t> CagedCommand::members() const {
    std::vector<pid_t> pids;
    if (parts_.cell != nullptr) {
        return parts_.cell->members();
    }
    if (supervisor_ > 0) {
        list_descendants(supervisor_, pids);
        std::sort(pids.begin(), pids.end());
        pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
        std::erase(pids, between_);
    }
    return pids;
}

}  // namespace hexcore
