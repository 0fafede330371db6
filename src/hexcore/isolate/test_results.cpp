#include "hexcore/isolate/test_results.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "hexcore/base/printable.hpp"

namespace hexcore {

const char* name(TestVerdict verdict) {
    switch (verdict) {
        case TestVerdict::passed:
            return "passed";
        case TestVerdict::failed:
            return "failed";
        case TestVerdict::crashed:
            return "crashed";
        case TestVerdict::timed_out:
            return "timed_out";
        case TestVerdict::over_budget:
            return "over_budget";
        case TestVerdict::skipped:
            return "skipped";
        case TestVerdict::postponed:
            return "postponed";
        case TestVerdict::flaky:
            return "flaky";
        case TestVerdict::flaky_memory:
            return "flaky_memory";
    }
    return "";
}

const char* name(MemoryVerdict verdict) {
    switch (verdict) {
        case MemoryVerdict::clean:
            return "clean";
        case MemoryVerdict::kept:
            return "kept";
        case MemoryVerdict::leak:
            return "leak";
        case MemoryVerdict::residue:
            return "residue";
        case MemoryVerdict::unattributable:
            return "unattributable";
    }
    return "";
}

const char* name(Framework framework) {
    switch (framework) {
        case Framework::googletest:
            return "googletest";
        case Framework::catch2:
            return "catch2";
        case Framework::ctest:
            return "ctest";
        case Framework::pytest:
            return "pytest";
    }
    return "";
}

std::string one_of(const TestsOfProcess& tests) {
    constexpr std::size_t longest_id = 160;
    return fmt::format("one of the {} tests of its process, {} to {}", tests.count,
                       shortened(tests.first, longest_id), shortened(tests.last, longest_id));
}

const TestsOfProcess* TestResult::left_by_one_of() const {
    const bool is_nobodys = memory == MemoryVerdict::unattributable;
    if (!is_nobodys && memory != MemoryVerdict::leak) {
        return nullptr;
    }
    const auto latest =
        std::find_if(attempts.rbegin(), attempts.rend(), [&](const Attempt& attempt) {
            return attempt.left_by_one_of && (is_nobodys || !attempt.residues.empty());
        });
    return latest == attempts.rend() ? nullptr : &*latest->left_by_one_of;
}

bool is_failure(TestVerdict verdict) {
    return verdict != TestVerdict::passed && verdict != TestVerdict::skipped &&
           verdict != TestVerdict::flaky && verdict != TestVerdict::flaky_memory;
}

}  // namespace hexcore
