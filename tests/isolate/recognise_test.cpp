#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "hexcore/isolate/program_words.hpp"
#include "hexcore/isolate/test_suite.hpp"
#include "isolate/run_launch.hpp"

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

TEST(Recognise, AProgramThatCannotBeOneIsNotRun) {
    const ScratchFolder scratch;
    const std::filesystem::path program = scratch.path() / "touch";
    std::filesystem::copy_file(std::filesystem::canonical("/usr/bin/touch"), program);
    EXPECT_FALSE(recognise({program.string()}, nullptr));
    EXPECT_FALSE(may_have_tests(program.string()));
    EXPECT_FALSE(may_have_tests("touch"));
    EXPECT_TRUE(may_have_tests(HEXCORE_GOOGLETEST_SAMPLE));
    EXPECT_TRUE(may_have_tests(HEXCORE_CATCH2_SAMPLE));
    // A script may start a test program; what is not there says so itself.
    const std::filesystem::path script = scratch.path() / "script";
    std::ofstream(script) << "#!/bin/sh\nexec " << HEXCORE_GOOGLETEST_SAMPLE << " \"$@\"\n";
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
    EXPECT_EQ(framework_of({script.string()}), Framework::googletest);
    EXPECT_TRUE(may_have_tests((scratch.path() / "nothing").string()));
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
