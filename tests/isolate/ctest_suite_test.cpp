#include "hexcore/isolate/ctest_suite.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "isolate/run_launch.hpp"

namespace hexcore {
namespace {

using Kind = TestJudgement::Kind;
using Json = nlohmann::json;

/// A test of a build folder, with these lines of CTestTestfile.cmake, listed by ctest itself.
class CtestFolder {
public:
    explicit CtestFolder(const std::string& lines) {
        std::ofstream(scratch_.path() / "CTestTestfile.cmake") << lines;
    }
    [[nodiscard]] std::vector<std::string> command(std::vector<std::string> more = {}) const {
        more.insert(more.begin(), {"ctest", "--test-dir", scratch_.path().string()});
        return more;
    }
    [[nodiscard]] const std::filesystem::path& path() const { return scratch_.path(); }

private:
    ScratchFolder scratch_;
};

std::vector<TestCase> listed(CtestSuite& suite) {
    auto tests = suite.list(nullptr);
    EXPECT_TRUE(tests) << tests.error().message;
    return tests ? *std::move(tests) : std::vector<TestCase>();
}

std::string shell_test(const std::string& name, const std::string& script,
                       const std::string& properties) {
    std::string line = "add_test([=[" + name + "]=] \"/bin/sh\" \"-c\" [=[" + script + "]=])\n";
    if (!properties.empty()) {
        line += "set_tests_properties([=[" + name + "]=] PROPERTIES " + properties + ")\n";
    }
    return line;
}

/// What fails by CTest's own verdict.
std::set<std::string> failed_by_ctest(const CtestFolder& folder) {
    const std::string command =
        "ctest --test-dir '" + folder.path().string() + "' > /dev/null 2>&1";
    EXPECT_NE(std::system(command.c_str()), 0);
    std::ifstream log(folder.path() / "Testing" / "Temporary" / "LastTestsFailed.log");
    std::set<std::string> failed;
    for (std::string line; std::getline(log, line);) {
        failed.insert(line.substr(line.find(':') + 1));
    }
    return failed;
}

TEST(CtestSuite, JudgesAsCTestDoes) {
    struct Case {
        const char* name;
        const char* script;
        const char* properties;
        Kind kind;
    };
    const std::vector<Case> cases{
        {"passes", "exit 0", "", Kind::passed},
        {"fails", "exit 3", "", Kind::failed},
        {"crashes", "kill -SEGV $$", "", Kind::crashed},
        {"skips_by_code", "exit 77", "SKIP_RETURN_CODE 77", Kind::skipped},
        {"skips_by_words", "echo not here; exit 1", "SKIP_REGULAR_EXPRESSION \"no;not here\"",
         Kind::skipped},
        {"will_fail", "exit 1", "WILL_FAIL TRUE", Kind::passed},
        {"will_fail_and_does_not", "exit 0", "WILL_FAIL TRUE", Kind::failed},
        {"will_fail_and_crashes", "kill -SEGV $$", "WILL_FAIL TRUE", Kind::crashed},
        {"says_it", "echo it is good; exit 1", "PASS_REGULAR_EXPRESSION \"bad;goo+d\"",
         Kind::passed},
        {"does_not_say_it", "exit 0", "PASS_REGULAR_EXPRESSION \"good\"", Kind::failed},
        {"says_error", "echo Error: 3; exit 0", "FAIL_REGULAR_EXPRESSION \"Error: [0-9]\"",
         Kind::failed},
        {"says_both", "echo good Error", "PASS_REGULAR_EXPRESSION good FAIL_REGULAR_EXPRESSION Err",
         Kind::failed},
        {"will_fail_by_words", "echo Error", "FAIL_REGULAR_EXPRESSION Err WILL_FAIL TRUE",
         Kind::passed},
        {"lacks_a_file", "exit 0", "REQUIRED_FILES \"/nonexistent/file\"", Kind::not_run},
        {"has_its_file", "exit 0", "REQUIRED_FILES \"/bin/sh\"", Kind::passed},
        {"has_its_variables", "test \"$ONE/$TWO\" = '1/a b'", "ENVIRONMENT \"ONE=1;TWO=a b\"",
         Kind::passed},
        {"changes_variables", "test \"$LIST\" = a:b:c -a -z \"$GONE\" -a \"$TEXT\" = xyz",
         "ENVIRONMENT \"LIST=b;GONE=1;TEXT=y\" ENVIRONMENT_MODIFICATION "
         "\"LIST=path_list_append:c;LIST=path_list_prepend:a;GONE=unset:;TEXT=string_append:z;"
         "TEXT=string_prepend:x\"",
         Kind::passed},
        {"is_elsewhere", "test \"$(pwd)\" = /usr", "WORKING_DIRECTORY /usr", Kind::passed},
        {"sees_what_ctest_sets", "test \"$CTEST_INTERACTIVE_DEBUG_MODE\" = 1", "", Kind::passed},
    };
    std::string lines;
    for (const Case& one : cases) {
        lines += shell_test(one.name, one.script, one.properties);
    }
    const CtestFolder folder(lines);
    CtestSuite suite(folder.command());
    const std::vector<TestCase> tests = listed(suite);
    ASSERT_EQ(tests.size(), cases.size());
    const std::set<std::string> failed = failed_by_ctest(folder);
    for (std::size_t i = 0; i < cases.size(); ++i) {
        ASSERT_EQ(tests[i].id, cases[i].name);
        const TestJudgement judgement = run_and_judge(suite, tests[i]);
        EXPECT_EQ(static_cast<int>(judgement.kind), static_cast<int>(cases[i].kind))
            << cases[i].name << ": " << judgement.reason;
        const bool passes = judgement.kind == Kind::passed || judgement.kind == Kind::skipped;
        EXPECT_EQ(passes, !failed.contains(cases[i].name)) << cases[i].name;
    }
}

TEST(CtestSuite, ReadsWhatDecidesWhenATestRuns) {
    const CtestFolder folder(
        shell_test("setup", "true", "FIXTURES_SETUP base") +
        shell_test("cleanup", "true", "FIXTURES_CLEANUP base") +
        shell_test("a test [x]", "true",
                   "TIMEOUT 1.5 COST 3 PROCESSORS 2 RUN_SERIAL ON DEPENDS \"setup;elsewhere\" "
                   "RESOURCE_LOCK \"disk;net\" FIXTURES_REQUIRED base "
                   "LABELS \"memory:1GiB;device:cuda:0=2GiB;slow\"") +
        shell_test("off", "true", "DISABLED TRUE"));
    CtestSuite suite(folder.command());
    const std::vector<TestCase> tests = listed(suite);
    ASSERT_EQ(tests.size(), 4U);
    EXPECT_EQ(tests[0].fixtures_setup, std::vector<std::string>{"base"});
    EXPECT_EQ(tests[1].fixtures_cleanup, std::vector<std::string>{"base"});
    const TestCase& test = tests[2];
    EXPECT_EQ(test.id, "a test [x]");
    EXPECT_EQ(test.timeout, std::chrono::milliseconds(1500));
    EXPECT_EQ(test.cost, 3);
    EXPECT_EQ(test.processors, 2U);
    EXPECT_TRUE(test.run_serial);
    EXPECT_EQ(test.depends_on, std::vector<std::string>{"setup"});
    EXPECT_EQ(test.locks, (std::vector<std::string>{"disk", "net"}));
    EXPECT_EQ(test.fixtures_required, std::vector<std::string>{"base"});
    EXPECT_EQ(test.budget.memory, 1_GiB);
    ASSERT_EQ(test.budget.devices.size(), 1U);
    EXPECT_EQ(test.budget.devices.front().limit, 2_GiB);
    EXPECT_EQ(std::ranges::count(test.tags, "slow"), 1);
    EXPECT_EQ(tests[0].disabled, "");
    EXPECT_NE(tests[3].disabled, "");
    EXPECT_TRUE(test.file.ends_with("CTestTestfile.cmake") || test.file.empty()) << test.file;
}

TEST(CtestSuite, TheUsersCommandSelects) {
    const CtestFolder folder(shell_test("one", "true", "LABELS quick") +
                             shell_test("two", "true", "") + shell_test("three", "true", ""));
    CtestSuite named(folder.command({"-R", "^t", "-E", "two", "-V", "--timeout", "7"}));
    const std::vector<TestCase> three = listed(named);
    ASSERT_EQ(three.size(), 1U);
    EXPECT_EQ(three.front().id, "three");
    EXPECT_EQ(three.front().timeout, std::chrono::seconds(7));
    CtestSuite labelled(folder.command({"-L", "quick"}));
    ASSERT_EQ(listed(labelled).size(), 1U);
}

TEST(CtestSuite, ATestWhoseProgramIsMissingHasNotRun) {
    const CtestFolder folder("add_test(missing \"no_such_program_is_here\")\n");
    CtestSuite suite(folder.command());
    const std::vector<TestCase> tests = listed(suite);
    ASSERT_EQ(tests.size(), 1U);
    const TestJudgement judgement = run_and_judge(suite, tests.front());
    EXPECT_EQ(judgement.kind, Kind::not_run);
    EXPECT_NE(judgement.reason.find("build it first"), std::string::npos);
}

TEST(CtestSuite, WhatIsNoBudgetOrExpressionIsAnError) {
    const CtestFolder sizes(shell_test("one", "true", "LABELS memory:much"));
    CtestSuite suite(sizes.command());
    const auto tests = suite.list(nullptr);
    ASSERT_FALSE(tests);
    EXPECT_TRUE(tests.error().message.starts_with("test one: 'much' is not a size"))
        << tests.error().message;
    TestCase test{.id = "two", .name = "two", .binary = ""};
    const Json listed = Json::parse(R"({"name": "two", "properties": [
        {"name": "PASS_REGULAR_EXPRESSION", "value": ["("]}]})");
    EXPECT_FALSE(read_ctest_properties(listed, test));
}

TEST(CtestSuite, PropertiesThatAreNotHonouredAreTold) {
    const CtestFolder folder(shell_test("one", "true", "TIMEOUT_AFTER_MATCH \"3;foo\"") +
                             shell_test("two", "true",
                                        "TIMEOUT_AFTER_MATCH \"3;foo\" "
                                        "RESOURCE_GROUPS gpus:1"));
    CtestSuite suite(folder.command());
    (void)listed(suite);
    EXPECT_EQ(suite.notes(), (std::vector<std::string>{
                                 "the property RESOURCE_GROUPS of 1 test is not honoured",
                                 "the property TIMEOUT_AFTER_MATCH of 2 tests is not honoured"}));
}

TEST(CtestSuite, AFolderWithoutTestsIsToldWithCTestsWords) {
    CtestSuite suite({"ctest", "--test-dir", "/nonexistent/folder"});
    const auto tests = suite.list(nullptr);
    ASSERT_FALSE(tests);
    EXPECT_EQ(tests.error().code, ErrorCode::usage);
    EXPECT_NE(tests.error().message.find("/nonexistent/folder"), std::string::npos)
        << tests.error().message;
}

TEST(CtestProperties, OfLongOutputTheStartAndTheEndAreLookedThrough) {
    TestCase test{.id = "a", .name = "a", .binary = ""};
    const auto properties = read_ctest_properties(
        Json::parse(
            R"({"properties": [{"name": "PASS_REGULAR_EXPRESSION", "value": ["one two"]}]})"),
        test);
    ASSERT_TRUE(properties);
    CageOutcome outcome;
    outcome.began = true;
    outcome.output_head = "one";
    outcome.output_tail = " two";
    outcome.output_bytes = 7;
    EXPECT_EQ(judge_ctest(*properties, outcome).kind, Kind::passed);
    outcome.output_bytes = 1'000'000;
    const TestJudgement cut = judge_ctest(*properties, outcome);
    EXPECT_EQ(cut.kind, Kind::failed);
    EXPECT_EQ(cut.reason,
              "'one two' is not in the first and the last 3 bytes of its output "
              "(PASS_REGULAR_EXPRESSION)");
}

TEST(CtestProperties, StrangeDocumentsDoNoHarm) {
    for (const char* text :
         {"null", "3", "[]", "{}", R"({"properties": 3})",
          R"({"properties": [3, null, {"name": 3}]})",
          R"({"command": 3, "properties": [{"name": "TIMEOUT", "value": 1e300}]})",
          R"({"properties": [{"name": "PROCESSORS", "value": -5}]})",
          R"({"properties": [{"name": "LABELS", "value": [3]}]})"}) {
        TestCase test{.id = "a", .name = "a", .binary = ""};
        EXPECT_TRUE(read_ctest_properties(Json::parse(text), test)) << text;
        EXPECT_EQ(test.processors, 1U);
        EXPECT_EQ(test.timeout, std::nullopt);
    }
}

}  // namespace
}  // namespace hexcore
