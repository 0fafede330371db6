#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "hexcore/isolate/test_suite.hpp"

namespace hexcore {
namespace {

Framework framework_of(const std::vector<std::string>& command) {
    const auto suite = recognise(command, nullptr);
    EXPECT_TRUE(suite) << suite.error().message;
    return suite ? (*suite)->framework() : Framework::pytest;
}

TEST(Recognise, AsksProgramsWhatTheyAre) {
    EXPECT_EQ(framework_of({HEXCORE_GOOGLETEST_SAMPLE, "--gtest_filter=A*"}),
              Framework::googletest);
    EXPECT_EQ(framework_of({HEXCORE_CATCH2_SAMPLE, "[slow]"}), Framework::catch2);
    EXPECT_EQ(framework_of({"ctest"}), Framework::ctest);
    EXPECT_EQ(framework_of({"/usr/bin/ctest", "-R", "x"}), Framework::ctest);
}

TEST(Recognise, WhatIsNotThereIsToldByItsName) {
    const auto suite = recognise({"no_such_program_is_here"}, nullptr);
    ASSERT_FALSE(suite);
    EXPECT_EQ(suite.error().code, ErrorCode::usage);
    EXPECT_NE(suite.error().message.find("no_such_program_is_here"), std::string::npos);
}

TEST(Recognise, AProgramThatIsNoneIsToldWhichThereAre) {
    const auto suite = recognise({"/bin/true"}, nullptr);
    ASSERT_FALSE(suite);
    EXPECT_EQ(suite.error().code, ErrorCode::usage);
    for (const char* name : {"GoogleTest", "Catch2", "ctest", "pytest"}) {
        EXPECT_NE(suite.error().message.find(name), std::string::npos) << suite.error().message;
    }
    EXPECT_FALSE(recognise({}, nullptr));
}

}  // namespace
}  // namespace hexcore
