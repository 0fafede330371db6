#include "hexcore/isolate/test_results.hpp"

namespace hexcore {

const char* name(Verdict verdict) {
    switch (verdict) {
        case Verdict::passed:
            return "passed";
        case Verdict::failed:
            return "failed";
        case Verdict::crashed:
            return "crashed";
        case Verdict::timed_out:
            return "timed_out";
        case Verdict::over_budget:
            return "over_budget";
        case Verdict::skipped:
            return "skipped";
        case Verdict::postponed:
            return "postponed";
        case Verdict::flaky:
            return "flaky";
        case Verdict::flaky_memory:
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
        case MemoryVerdict::residue:
            return "residue";
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

bool is_failure(Verdict verdict) {
    return verdict != Verdict::passed && verdict != Verdict::skipped && verdict != Verdict::flaky &&
           verdict != Verdict::flaky_memory;
}

}  // namespace hexcore
