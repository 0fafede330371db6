#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "hexcore/isolate/schedule.hpp"

namespace hexcore {

/// A machine on paper, on which a schedule's jobs take what they really take.
struct PaperMachine {
    Bytes memory;
    std::vector<DeviceLimit> devices = {};
    std::uint32_t slots = 1;
};

struct PaperRun {
    double seconds = 0;
    std::vector<std::size_t> begun = {};  ///< in this order
    std::vector<std::size_t> refused = {};
    std::map<std::size_t, double> begun_at = {};
    std::map<std::size_t, double> ended_at = {};
    Bytes most;  ///< at once, by what was let in
};

inline TestNeed room_left(const PaperMachine& machine, const std::vector<TestNeed>& running) {
    TestNeed left{machine.memory, machine.devices};
    for (const TestNeed& need : running) {
        left.host = saturating_subtract(left.host, need.host);
        for (DeviceLimit& device : left.devices) {
            for (const DeviceLimit& taken : need.devices) {
                if (taken.device == device.device) {
                    device.limit = saturating_subtract(device.limit, taken.limit);
                }
            }
        }
    }
    return left;
}

/// Runs all jobs; `seconds` of each is how long it takes, `failing` end with a failure.
inline PaperRun run_on_paper(const std::vector<ScheduledJob>& jobs, const PaperMachine& machine,
                             Schedule& schedule, const std::vector<std::size_t>& failing = {}) {
    struct Running {
        std::size_t job;
        double end;
        TestNeed need;
    };
    PaperRun run;
    std::vector<Running> running;
    double now = 0;
    const auto time = [&] { return std::chrono::nanoseconds(std::llround(now * 1e9)); };
    while (!schedule.is_over()) {
        std::vector<TestNeed> taken;
        for (const Running& job : running) {
            taken.push_back(job.need);
        }
        const Schedule::Decision decision =
            schedule.decide(time(), Room{room_left(machine, taken)});
        Bytes sum;
        for (const TestNeed& need : taken) {
            sum += need.host;
        }
        for (const Schedule::Refusal& refusal : decision.refusals) {
            run.refused.push_back(refusal.job);
        }
        for (const Schedule::Start& start : decision.starts) {
            running.push_back({start.job, now + jobs[start.job].seconds, start.need});
            run.begun.push_back(start.job);
            run.begun_at[start.job] = now;
            sum += start.need.host;
        }
        run.most = std::max(run.most, sum);
        if (schedule.is_over()) {
            break;
        }
        if (running.empty()) {
            now = decision.look_again
                      ? std::max(now, static_cast<double>(decision.look_again->count()) / 1e9)
                      : now;
            continue;
        }
        const auto next =
            std::min_element(running.begin(), running.end(),
                             [](const Running& a, const Running& b) { return a.end < b.end; });
        now = std::max(now, next->end);
        const std::size_t job = next->job;
        running.erase(next);
        run.ended_at[job] = now;
        const bool fails = std::find(failing.begin(), failing.end(), job) != failing.end();
        schedule.ended(job, fails ? Schedule::End::failed : Schedule::End::passed,
                       jobs[job].need.host);
    }
    run.seconds = now;
    return run;
}

}  // namespace hexcore
