// Tests of each kind and with every sort of name, for those that list, run and judge them.

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>

#include "hexcore/testing/gtest.hpp"

namespace {

TEST(Plain, Passes) { std::puts("said by the test"); }
TEST(Plain, Fails) { EXPECT_EQ(1, 2) << "of course"; }
TEST(Plain, FailsTwice) {
    ADD_FAILURE() << "once";
    ADD_FAILURE() << "and again";
}
TEST(Plain, Skips) { GTEST_SKIP() << "no such device here"; }
TEST(Plain, SaysBytesThatAreNoText) { FAIL() << "\xFF\x01 ]]> <b>"; }
TEST(Plain, DISABLED_WouldFail) { FAIL(); }
TEST(Plain, ThrowsWhatNobodyCatches) { throw std::runtime_error("thrown"); }

TEST(Ends, InTheMiddleWithZero) { std::exit(0); }
TEST(Ends, InTheMiddleWithZeroAtOnce) { ::_exit(0); }
TEST(Ends, InTheMiddleWithThree) { std::exit(3); }
TEST(Ends, ByASignal) { std::raise(SIGSEGV); }
TEST(Ends, ByAThreadThatNobodyJoined) {
    // Where std::thread is destroyed it calls std::terminate().
    const std::thread unjoined([] {});
}
TEST(Ends, BadlyAfterItPassed) {
    std::atexit([] { ::_exit(5); });
}
TEST(Ends, ByASignalAfterItPassed) {
    std::atexit([] { std::raise(SIGABRT); });
}

class BadSuite : public testing::Test {
protected:
    static void SetUpTestSuite() { FAIL() << "its suite cannot be set up"; }
};
TEST_F(BadSuite, HasATest) {}

TEST(KnownOnlyAfterwards, TakesMore) { RecordProperty("hexcore.memory", "1KiB"); }
TEST(KnownOnlyAfterwards, TakesLess) { RecordProperty("hexcore.memory", "64GiB"); }
TEST(KnownOnlyAfterwards, SaysNoSize) { RecordProperty("hexcore.memory", "much"); }

HEXCORE_TEST_MEMORY(Told, Budget, "512MiB");
HEXCORE_TEST_DEVICE(Told, Budget, "cuda:0=4GiB");
HEXCORE_TEST_TIMEOUT(Told, Budget, "90s");
TEST(Told, Budget) {}

TEST(DyingDeathTest, DiesAsItShould) { EXPECT_DEATH(std::abort(), ""); }
TEST(DyingDeathTest, DiesAsItShouldInAProgramOfItsOwn) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(std::abort(), "");
}

class Numbers : public testing::TestWithParam<int> {};
HEXCORE_TEST_MEMORY(Numbers, AreSmall, "64MiB");
TEST_P(Numbers, AreSmall) { EXPECT_LT(GetParam(), 3); }
INSTANTIATE_TEST_SUITE_P(FirstOnes, Numbers, testing::Values(1, 2, 3));

template <typename T>
class Typed : public testing::Test {};
using Types = testing::Types<int, std::string>;
TYPED_TEST_SUITE(Typed, Types);
HEXCORE_TEST_MEMORY(Typed, HasADefault, "32MiB");
TYPED_TEST(Typed, HasADefault) { EXPECT_EQ(TypeParam(), TypeParam()); }

/// A test that passes where it is asked for by its own name and by no other.
class Named : public testing::Test {
public:
    explicit Named(bool passes) : passes_(passes) {}
    void TestBody() override { EXPECT_TRUE(passes_); }

private:
    bool passes_;
};
void add(const char* suite, const char* name, bool passes) {
    testing::RegisterTest(suite, name, nullptr, nullptr, __FILE__, __LINE__,
                          [passes] { return static_cast<testing::Test*>(new Named(passes)); });
}

}  // namespace

int main(int argc, char** argv) {
    // As a filter a:b would be two patterns, a-b would leave b out, and a*b would fit them all.
    add("Odd", "a:b", true);
    add("Odd", "a-b", false);
    add("Odd", "a*b", true);
    add("Odd", "a?b", false);
    add("Odd", "axb", true);
    add("Odd", "twice", true);
    add("Odd", "twice", false);
    add("Odd", "DISABLED_a-b", true);
    add("Odd", "with blanks and \"quotes\" 'too' \\ /", true);
    add("Odd", "line\nend", true);
    add("Odd", "\xF0\x9F\x98\x80", true);
    add("Odd", "\xFF\xFE", true);
    add("Odd", "", true);
    add("-Suite:of*odd?names", ".", true);
    testing::InitGoogleTest(&argc, argv);
    // What is left are arguments of the program itself.
    if (argc > 1 && std::string(argv[1]) == "--fail-all") {
        return 9;
    }
    return RUN_ALL_TESTS();
}
