#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "hexcore/isolate/job_graph.hpp"
#include "hexcore/isolate/run_book.hpp"
#include "hexcore/isolate/shortage.hpp"

namespace hexcore {

/// Tests that set up a fixture and have passed, and of which everything lives on (servers, shared
/// memory, temporary files) until nobody needs it any more. Then it is ended: what is there of it
/// after its clean-up is the set-up's residue.
class HeldFixtures {
public:
    HeldFixtures(const std::vector<TestCase>& tests, const Jobs& jobs);

    /// Whether others need what the job sets up.
    [[nodiscard]] bool keeps(std::size_t job) const { return !users_[job].empty(); }
    /// Whether the job is to see what others set up, or they what it does.
    [[nodiscard]] bool shares(std::size_t job) const { return is_tied_[job]; }

    /// Is over, and kept.
    void take(std::unique_ptr<RunningJob> job) { held_.push_back(std::move(job)); }
    /// Takes what has come, and lets go what nobody needs any more.
    void mind(const Schedule& schedule, RunBook& book, RunEvents& events);
    /// All of it ends, needed or not, and is nobody's residue.
    void end_all();
    void kill_all(std::chrono::nanoseconds now);

    [[nodiscard]] bool empty() const { return held_.empty(); }
    [[nodiscard]] const RunningJobs& jobs() const { return held_; }

private:
    [[nodiscard]] bool is_needed(std::size_t job, const Schedule& schedule) const;

    std::vector<std::vector<std::size_t>> users_;  ///< of each job that sets something up
    std::vector<bool> is_tied_;
    RunningJobs held_;
    bool is_stopped_ = false;
};

}  // namespace hexcore
