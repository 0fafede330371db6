#include "hexcore/isolate/job_limits.hpp"

#include <algorithm>

#include "hexcore/base/check.hpp"

namespace hexcore {

Known known_of(const TestCase& test, const TestHistory::Runs& history, const TestMachine& machine) {
    Known known;
    const auto past = history.find(test.id);
    if (past != history.end()) {
        if (const auto learned = learned_size(past->second)) {
            known = {NeedBasis::learned, learned->need, learned->largest, learned->seconds};
            known.need.host = std::min(known.need.host, machine.memory);
        }
    }
    if (test.budget.memory || !test.budget.devices.empty()) {
        known.basis = NeedBasis::declared;
        known.need.host = test.budget.memory.value_or(known.need.host);
        if (!test.budget.devices.empty()) {
            known.need.devices = test.budget.devices;
        }
        known.least = known.need;
    }
    if (known.seconds == 0) {
        known.seconds = test.cost;
    }
    return known;
}

CageLimits limits_of(const std::vector<const TestCase*>& tests,
                     std::optional<std::uint32_t> processes) {
    HEXCORE_CHECK(!tests.empty(), tests.size(), 1);
    const TestBudget& first = tests.front()->budget;
    const auto is_same = [](const DeviceLimit& a, const DeviceLimit& b) {
        return a.device == b.device && a.limit == b.limit;
    };
    CageLimits limits{.memory = first.memory, .devices = first.devices};
    for (const TestCase* test : tests) {
        // Where the process is not one test's alone.
        if (test->budget.memory != first.memory) {
            limits.memory.reset();
        }
        if (!std::ranges::equal(test->budget.devices, first.devices, is_same)) {
            limits.devices.clear();
        }
    }
    limits.processes = processes;
    return limits;
}

}  // namespace hexcore
