#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "hexcore/isolate/schedule.hpp"
#include "hexcore/isolate/test_case.hpp"

namespace hexcore {

/// Tests that run in one process, as indices of all tests, job by job.
using Jobs = std::vector<std::vector<std::size_t>>;

/// Whether tests that may share a process do.
enum class Grouping { as_asked, none };

/// Which tests run in one process: those of a group together, in their order, unless one asks for a
/// process of its own. Each has indices of `tests`; disabled ones are in none.
[[nodiscard]] Jobs jobs_of(const std::vector<TestCase>& tests, Grouping grouping);

/// What is known of a test's size and duration.
struct Known {
    NeedBasis basis = NeedBasis::unknown;
    TestNeed need = {};
    TestNeed least = {};
    double seconds = 0;
};
using KnownOf = std::function<Known(const TestCase& test)>;

/// What waits for what: fixtures are set up before tests that require them, and only if that passes
/// they run; they are cleaned up afterwards, however that went.
[[nodiscard]] std::vector<ScheduledJob> job_graph(const std::vector<TestCase>& tests,
                                                  const Jobs& jobs, const KnownOf& known_of);

/// Of each job those that require or clean up a fixture that it sets up; none for one of several
/// tests.
[[nodiscard]] Jobs fixture_users(const std::vector<TestCase>& tests, const Jobs& jobs);

}  // namespace hexcore
