#pragma once

// For programs with Catch2, 2.13 or 3: what tests leave in memory. Budgets are tags, which need
// nothing of this: TEST_CASE("loads", "[memory:2GiB][timeout:90s]").
//
//     HEXCORE_WATCH_MEMORY()                                               // every test, once
//     TEST_CASE_METHOD(hexcore::testing::CleanMemory, "is empty") { ... }  // this one

#if defined(__has_include)
#if __has_include(<catch2/catch_test_macros.hpp>)
#define HEXCORE_TESTING_CATCH2_3
#endif
#endif
#ifdef HEXCORE_TESTING_CATCH2_3
#include <catch2/catch_test_case_info.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include <string>
#include <vector>

#include "hexcore/testing/memory.hpp"

namespace hexcore {
namespace testing {
namespace detail {
#ifdef HEXCORE_TESTING_CATCH2_3
using CatchListener = Catch::EventListenerBase;
#else
using CatchListener = Catch::TestEventListenerBase;
#endif
}  // namespace detail

/// Says after each test case, passed or failed, what it has kept in memory past 100 MiB.
class MemoryListener : public detail::CatchListener {
public:
    using detail::CatchListener::CatchListener;

    void testCaseStarting(const Catch::TestCaseInfo& test) override {
        detail::CatchListener::testCaseStarting(test);
        name_ = test.name;
        before_ = held_memory();
        tell_levels("begin", name_.c_str(), before_);
    }
    void testCaseEnded(const Catch::TestCaseStats& stats) override {
        tell_levels("end", name_.c_str(), held_memory());
        tell_kept(name_.c_str(), before_, MemoryRules());
        detail::CatchListener::testCaseEnded(stats);
    }

private:
    std::string name_;
    std::vector<HeldMemory> before_;
};

/// A fixture, to be derived from or used as it is: begins with what the C library had kept given
/// back, and says at the end of each section what it has kept, after all members are gone.
class CleanMemory {
public:
    CleanMemory(const CleanMemory&) = delete;
    CleanMemory& operator=(const CleanMemory&) = delete;
    virtual ~CleanMemory() { tell_kept("this test", before_, rules_); }

protected:
    explicit CleanMemory(const MemoryRules& rules = MemoryRules())
        : rules_(rules), before_(held_memory()) {}

    const std::vector<HeldMemory>& held_before() const { return before_; }

private:
    MemoryRules rules_;
    std::vector<HeldMemory> before_;
};

}  // namespace testing
}  // namespace hexcore

/// Every test case of this program; once, at namespace scope.
#define HEXCORE_WATCH_MEMORY()                                        \
    using HexcoreMemoryListener = ::hexcore::testing::MemoryListener; \
    CATCH_REGISTER_LISTENER(HexcoreMemoryListener)
