#include "hexcore/isolate/running_jobs.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "hexcore/base/duration.hpp"
#include "hexcore/base/printable.hpp"
#include "hexcore/isolate/job_order.hpp"

namespace hexcore {

std::vector<std::uint32_t> processes_of(const RunningJobs& running) {
    std::vector<std::uint32_t> pids;
    for (const auto& job : running) {
        const auto more = job->processes();
        pids.insert(pids.end(), more.begin(), more.end());
    }
    return pids;
}

std::vector<int> descriptors_of(const RunningJobs& running) {
    std::vector<int> all;
    for (const auto& job : running) {
        const auto more = job->descriptors();
        all.insert(all.end(), more.begin(), more.end());
    }
    return all;
}

std::optional<std::chrono::nanoseconds> next_deadline(const RunningJobs& running) {
    std::optional<std::chrono::nanoseconds> next;
    for (const auto& job : running) {
        if (const auto deadline = job->next_deadline()) {
            next = std::min(next.value_or(*deadline), *deadline);
        }
    }
    return next;
}

void end_all(const RunningJobs& running, EndedByUs why, std::chrono::nanoseconds now) {
    for (const auto& job : running) {
        job->end(why, now);
    }
}

void kill_all(const RunningJobs& running, EndedByUs why, std::chrono::nanoseconds now) {
    for (const auto& job : running) {
        job->kill(why, now);
    }
}

std::string ending_text(const RunningJobs& running, const RunningJobs& fixtures,
                        std::chrono::milliseconds grace) {
    constexpr std::size_t most = 3;
    std::string names;
    for (std::size_t place = 0; place < std::min(running.size(), most); ++place) {
        const TestCase* test = running[place]->current();
        const TestCase& shown = test == nullptr ? *running[place]->facts().cases.front() : *test;
        names += (place == 0 ? "" : ", ") + shortened(shown.id, 60);
    }
    if (running.size() > most) {
        names += fmt::format(" and {} more", running.size() - most);
    }
    if (!fixtures.empty()) {
        names += fmt::format("{}what {} test{} set up", names.empty() ? "" : " and for ",
                             fixtures.size(), fixtures.size() == 1 ? "" : "s");
    }
    return names.empty() ? "ends, as it was asked to"
                         : fmt::format(
                               "ends, as it was asked to: waits at most {} for {} to end; whoever "
                               "asks again does not wait",
                               long_duration_text(static_cast<double>(grace.count()) / 1e3), names);
}

std::chrono::milliseconds sample(const RunningJobs& running,
                                 const std::vector<DeviceReading>& readings,
                                 std::chrono::nanoseconds now) {
    std::chrono::milliseconds next{25};
    for (const auto& job : running) {
        job->sample(now);
        for (const DeviceReading& reading : readings) {
            job->take_device_reading(reading, now);
        }
        next = std::min(next, job->next_sample_in());
    }
    return next;
}

Bytes held_by(const RunningJobs& running) {
    Bytes sum;
    for (const auto& job : running) {
        sum += job->held();
    }
    return sum;
}

std::uint32_t free_slot(const RunningJobs& running) {
    std::uint32_t slot = 0;
    while (std::any_of(running.begin(), running.end(),
                       [&](const auto& job) { return job->facts().slot == slot; })) {
        slot += 1;
    }
    return slot;
}

RunTaken taken_by(const RunningJobs& running) {
    RunTaken taken;
    for (const auto& job : running) {
        add(taken.let_in, job->facts().need);
        add(taken.held, job->taken());
        taken.processors += job->facts().processors;
    }
    return taken;
}

std::vector<RunningTest> running_tests(const RunningJobs& running, std::chrono::nanoseconds now,
                                       bool asked) {
    std::vector<RunningTest> tests;
    for (const auto& job : running) {
        const TestCase* test = job->current();
        RunningTest one{.id = test == nullptr ? "" : test->id,
                        .since = now - job->current_since(),
                        .held = job->held(),
                        .peak = job->peak(),
                        .devices = job->held_devices(),
                        .slot = job->facts().slot};
        if (asked) {
            one.processes = job->processes();
        }
        tests.push_back(std::move(one));
    }
    return tests;
}

}  // namespace hexcore
