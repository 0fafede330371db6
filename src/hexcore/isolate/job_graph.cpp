#include "hexcore/isolate/job_graph.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace hexcore {
namespace {

using JobsByName = std::map<std::string, std::set<std::size_t>>;

/// Who sets up, cleans up and requires each fixture, and which job a test is in.
struct Ties {
    JobsByName setup;
    JobsByName cleanup;
    JobsByName required;
    std::map<std::string, std::size_t> job_of;
};

Ties ties_of(const std::vector<TestCase>& tests, const Jobs& jobs) {
    Ties ties;
    for (std::size_t job = 0; job < jobs.size(); ++job) {
        for (const std::size_t index : jobs[job]) {
            const TestCase& test = tests[index];
            ties.job_of.emplace(test.id, job);
            for (const auto& [names, into] : {std::pair{&test.fixtures_setup, &ties.setup},
                                              std::pair{&test.fixtures_cleanup, &ties.cleanup},
                                              std::pair{&test.fixtures_required, &ties.required}}) {
                for (const std::string& fixture : *names) {
                    (*into)[fixture].insert(job);
                }
            }
        }
    }
    return ties;
}

void add_ties(std::vector<ScheduledJob>& scheduled, const Ties& ties) {
    for (const auto& [fixture, requiring] : ties.required) {
        const auto setup = ties.setup.find(fixture);
        for (const std::size_t job : requiring) {
            if (setup != ties.setup.end()) {
                auto& before = scheduled[job].on_success;
                before.insert(before.end(), setup->second.begin(), setup->second.end());
            }
        }
    }
    for (const auto& [fixture, cleaning] : ties.cleanup) {
        for (const std::size_t job : cleaning) {
            for (const JobsByName* before : {&ties.setup, &ties.required}) {
                const auto users = before->find(fixture);
                if (users != before->end()) {
                    auto& after = scheduled[job].after;
                    after.insert(after.end(), users->second.begin(), users->second.end());
                }
            }
        }
    }
}

/// A group takes what its largest test takes, for as long as all of them.
void add_need(ScheduledJob& job, const Known& known, bool is_first) {
    job.seconds += known.seconds;
    job.basis = is_first ? known.basis : std::min(job.basis, known.basis);
    for (const auto& [into, from] :
         {std::pair{&job.need, &known.need}, std::pair{&job.least, &known.least}}) {
        into->host = std::max(into->host, from->host);
        for (const DeviceLimit& device : from->devices) {
            const auto same = std::find_if(
                into->devices.begin(), into->devices.end(),
                [&](const DeviceLimit& other) { return other.device == device.device; });
            if (same == into->devices.end()) {
                into->devices.push_back(device);
            } else {
                same->limit = std::max(same->limit, device.limit);
            }
        }
    }
}

}  // namespace

Jobs jobs_of(const std::vector<TestCase>& tests, Grouping grouping) {
    Jobs jobs;
    std::map<std::string, std::size_t> of_group;
    for (std::size_t index = 0; index < tests.size(); ++index) {
        const TestCase& test = tests[index];
        if (!test.disabled.empty()) {
            continue;
        }
        const bool by_itself =
            grouping == Grouping::none || test.group.empty() || test.isolated || test.run_serial;
        if (by_itself) {
            jobs.push_back({index});
            continue;
        }
        const auto [place, is_new] = of_group.emplace(test.group, jobs.size());
        if (is_new) {
            jobs.emplace_back();
        }
        jobs[place->second].push_back(index);
    }
    return jobs;
}

std::vector<ScheduledJob> job_graph(const std::vector<TestCase>& tests, const Jobs& jobs,
                                    const KnownOf& known_of) {
    const Ties ties = ties_of(tests, jobs);
    std::vector<ScheduledJob> scheduled;
    for (const std::vector<std::size_t>& members : jobs) {
        ScheduledJob job;
        for (const std::size_t index : members) {
            const TestCase& test = tests[index];
            add_need(job, known_of(test), index == members.front());
            job.family = test.binary;
            job.processors = std::max(job.processors, test.processors);
            job.alone = job.alone || test.run_serial;
            job.locks.insert(job.locks.end(), test.locks.begin(), test.locks.end());
            for (const std::string& id : test.depends_on) {
                const auto other = ties.job_of.find(id);
                if (other != ties.job_of.end() && other->second != scheduled.size()) {
                    job.after.push_back(other->second);
                }
            }
        }
        scheduled.push_back(std::move(job));
    }
    add_ties(scheduled, ties);
    return scheduled;
}

Jobs fixture_users(const std::vector<TestCase>& tests, const Jobs& jobs) {
    const Ties ties = ties_of(tests, jobs);
    Jobs users(jobs.size());
    for (std::size_t job = 0; job < jobs.size(); ++job) {
        std::set<std::size_t> found;
        for (const std::string& fixture : tests[jobs[job].front()].fixtures_setup) {
            for (const JobsByName* by_name : {&ties.required, &ties.cleanup}) {
                const auto those = by_name->find(fixture);
                if (those != by_name->end()) {
                    found.insert(those->second.begin(), those->second.end());
                }
            }
        }
        found.erase(job);
        if (jobs[job].size() == 1) {
            users[job].assign(found.begin(), found.end());
        }
    }
    return users;
}

}  // namespace hexcore
