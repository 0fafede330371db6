#pragma once

// For programs with GoogleTest: budgets of tests, and what tests leave in memory.
//
//     HEXCORE_TEST_MEMORY(Model, Loads, "2GiB");          // `hexcore test` sees to it
//     TEST_F(CleanCache, IsEmptyAfterwards) { ... }       // class CleanCache : public CleanMemory
//     hexcore::testing::watch_memory();                   // in main(): every test

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "hexcore/testing/memory.hpp"

namespace hexcore {
namespace testing {
namespace detail {

/// Tells `hexcore test` of a budget, when it lists the tests: a line of the file that it names
/// (docs/formats/test-budgets.md). Otherwise it does nothing.
class ToldBudget {
public:
    ToldBudget(const char* test, const char* setting, const char* value) {
        const char* file = std::getenv("HEXCORE_TEST_BUDGETS");
        if (file == nullptr || !is_for_this_program()) {
            return;
        }
        const std::string line =
            "{\"test\": " + quoted(test) + ", " + quoted(setting) + ": " + quoted(value) + "}\n";
        const int descriptor = ::open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (descriptor >= 0) {
            // A budget that cannot be told is told as missing by whoever reads the list.
            (void)!::write(descriptor, line.data(), line.size());
            ::close(descriptor);
        }
    }

private:
    /// The first program that tells its budgets marks them as its own: what it starts inherits the
    /// variable, and its tests are other ones.
    static bool is_for_this_program() {
        constexpr const char* variable = "HEXCORE_TEST_BUDGETS_OF";
        const std::string pid = std::to_string(::getpid());
        const char* whose = std::getenv(variable);
        if (whose == nullptr || *whose == '\0') {
            return ::setenv(variable, pid.c_str(), 1) == 0;
        }
        return pid == whose;
    }
};

inline std::string current_test_name() {
    const ::testing::TestInfo* test = ::testing::UnitTest::GetInstance()->current_test_info();
    return test == nullptr ? "a test" : std::string(test->test_suite_name()) + "." + test->name();
}

}  // namespace detail

/// Says after each test, passed or failed, what it has kept in memory.
class MemoryListener : public ::testing::EmptyTestEventListener {
public:
    explicit MemoryListener(const MemoryRules& rules = MemoryRules()) : rules_(rules) {}

private:
    void OnTestStart(const ::testing::TestInfo&) override {
        before_ = held_memory();
        tell_levels("begin", detail::current_test_name().c_str(), before_);
    }
    void OnTestEnd(const ::testing::TestInfo&) override {
        tell_levels("end", detail::current_test_name().c_str(), held_memory());
        const std::string failure = tell_kept(detail::current_test_name().c_str(), before_, rules_);
        if (!failure.empty()) {
            ADD_FAILURE() << failure;
        }
    }

    MemoryRules rules_;
    std::vector<HeldMemory> before_;
};

/// Every test of this program; to be called before RUN_ALL_TESTS().
inline void watch_memory(const MemoryRules& rules = MemoryRules()) {
    ::testing::UnitTest::GetInstance()->listeners().Append(new MemoryListener(rules));
}

/// A fixture, to be derived from: begins with what the C library had kept given back, and says in
/// the end what the test has kept, after all members of the fixture are gone.
class CleanMemory : public ::testing::Test {
public:
    CleanMemory(const CleanMemory&) = delete;
    CleanMemory& operator=(const CleanMemory&) = delete;
    ~CleanMemory() override {
        const std::string failure = tell_kept(detail::current_test_name().c_str(), before_, rules_);
        if (!failure.empty()) {
            ADD_FAILURE() << failure;
        }
    }

protected:
    explicit CleanMemory(const MemoryRules& rules = MemoryRules())
        : rules_(rules), before_(held_memory()) {}

    /// What was held when the test began.
    const std::vector<HeldMemory>& held_before() const { return before_; }

private:
    MemoryRules rules_;
    std::vector<HeldMemory> before_;
};

}  // namespace testing
}  // namespace hexcore

/// What a test may take, with all its processes, in each of its parameters and types. At namespace
/// scope.
#define HEXCORE_TEST_MEMORY(suite, test, size) HEXCORE_TEST_TOLD_(memory, suite, test, size)
/// The same of a device: HEXCORE_TEST_DEVICE(Model, Runs, "cuda:0=4GiB").
#define HEXCORE_TEST_DEVICE(suite, test, limit) HEXCORE_TEST_TOLD_(device, suite, test, limit)
/// How long it may take: "90s".
#define HEXCORE_TEST_TIMEOUT(suite, test, time) HEXCORE_TEST_TOLD_(timeout, suite, test, time)

#define HEXCORE_TEST_JOINED_INNER_(a, b) a##b
#define HEXCORE_TEST_JOINED_(a, b) HEXCORE_TEST_JOINED_INNER_(a, b)
#define HEXCORE_TEST_TOLD_(setting, suite, test, value)                       \
    static const ::hexcore::testing::detail::ToldBudget HEXCORE_TEST_JOINED_( \
        hexcore_told_##setting##_##suite##_##test##_, __LINE__)(#suite "." #test, #setting, value)
