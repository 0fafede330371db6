#include "hexcore/isolate/test_config.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "isolate/run_launch.hpp"

namespace hexcore {
namespace {

std::vector<TestCase> applied(const std::string& text, std::vector<TestCase> tests) {
    const auto config = parse_test_config(text, "hexcore.toml");
    EXPECT_TRUE(config) << config.error().message;
    if (config) {
        config->apply(tests);
    }
    return tests;
}

TestCase named(const std::string& id) { return {.id = id, .name = id, .binary = "program"}; }

TEST(TestConfig, RulesSetBudgetsTimesAndGroups) {
    const auto tests = applied(R"([[test]]
filter = "Model* and not tag:quick"
memory = "2GiB"
device = { cuda0 = "4GiB", "rpc:host:1" = "1GiB" }
timeout = "90s"
group = "model"
isolated = true
)",
                               {named("Model.Loads"), named("Other.Test")});
    EXPECT_EQ(tests[0].budget.memory, 2_GiB);
    ASSERT_EQ(tests[0].budget.devices.size(), 2U);
    EXPECT_EQ(tests[0].budget.devices[0].device, "cuda:0");
    EXPECT_EQ(tests[0].budget.devices[0].limit, 4_GiB);
    EXPECT_EQ(tests[0].budget.devices[1].device, "rpc:host:1");
    EXPECT_EQ(tests[0].timeout, std::chrono::seconds(90));
    EXPECT_EQ(tests[0].group, "model");
    EXPECT_TRUE(tests[0].isolated);
    EXPECT_EQ(tests[1].budget.memory, std::nullopt);
    EXPECT_FALSE(tests[1].isolated);
}

TEST(TestConfig, EachSettingIsThatOfTheLastRuleThatHasIt) {
    TestCase test = named("Model.Loads");
    test.budget.memory = 1_MiB;
    test.isolated = true;
    const auto tests = applied(R"(
test = [
    { filter = "*", memory = "1GiB", timeout = "10s", device.cuda0 = "1GiB" },
    { filter = "Model", memory = 3221225472, device.cuda0 = "2GiB" },
    { filter = "Nothing", memory = "9GiB" },
])",
                               {test});
    EXPECT_EQ(tests[0].budget.memory, 3_GiB);
    EXPECT_EQ(tests[0].timeout, std::chrono::seconds(10));
    ASSERT_EQ(tests[0].budget.devices.size(), 1U);
    EXPECT_EQ(tests[0].budget.devices[0].limit, 2_GiB);
}

TEST(TestConfig, ABudgetGivesATestAProcessOfItsOwn) {
    const auto tests = applied(R"(
test = [
    { filter = "one", memory = "50MiB" },
    { filter = "two", device.cuda0 = "1GiB" },
    { filter = "*", isolated = false },
])",
                               {named("one"), named("two"), named("three")});
    EXPECT_TRUE(tests[0].isolated);
    EXPECT_TRUE(tests[1].isolated);
    EXPECT_FALSE(tests[2].isolated);
}

TEST(TestConfig, RunHasDefaultsOfOptions) {
    const auto config = parse_test_config(R"([run]
jobs = "auto"
timeout = "10min"
retries = 2
fail_fast = true
allow_skip = false
fail_on = ["kept", "residue"]
)",
                                          "hexcore.toml");
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->run.jobs, 0U);
    EXPECT_EQ(config->run.timeout, std::chrono::minutes(10));
    EXPECT_EQ(config->run.retries, 2U);
    EXPECT_EQ(config->run.fail_fast, true);
    EXPECT_EQ(config->run.allow_skip, false);
    EXPECT_EQ(config->run.fail_on, (std::vector<std::string>{"kept", "residue"}));
    EXPECT_EQ(parse_test_config("", "empty")->run.jobs, std::nullopt);
    EXPECT_EQ(parse_test_config("run.jobs = 3", "short")->run.jobs, 3U);
}

TEST(TestConfig, WhatItCannotMeanIsNamedByFileLineAndKey) {
    const std::vector<std::pair<std::string, std::string>> wrong{
        {"jobs = 3", "x.toml, line 1: jobs is neither `[run]` nor a list of rules, `[[test]]`"},
        {"[run]\n\njob = 3", "x.toml, line 3: job is unknown in [run], which has jobs, timeout, "},
        {"[run]\njobs = 0", "x.toml, line 2: jobs is a whole number from 1 to 100000"},
        {"[run]\njobs = \"many\"", "x.toml, line 2: jobs is a whole number from 1 to 100000"},
        {"[run]\nretries = -1", "x.toml, line 2: retries is a whole number from 0 to 100000"},
        {"[run]\ntimeout = 3", "x.toml, line 2: timeout is text, in quotes"},
        {"[run]\ntimeout = \"3d\"", "x.toml, line 2: timeout: '3d' has the unknown unit 'd'"},
        {"[run]\nfail_on = [\"skip\"]", "x.toml, line 2: fail_on is a list of"},
        {"[run]\nfail_on = [\"leaks\"]", "x.toml, line 2: fail_on is a list of"},
        {"[run]\nfail_fast = 1", "x.toml, line 2: fail_fast is true or false"},
        {"[test]\nfilter = \"a\"", "x.toml, line 1: test is neither"},
        {"[[test]]\nmemory = \"1GiB\"", "x.toml, line 1: [[test]] has no filter"},
        {"[[test]]\nfilter = \"a and\"",
         "x.toml, line 2: filter: the filter 'a and' cannot be read at column 6"},
        {"[[test]]\nfilter = \"a\"\nmemory = \"much\"",
         "x.toml, line 3: memory: 'much' is not a size"},
        {"[[test]]\nfilter = \"a\"\nmemory = -1", "x.toml, line 3: memory is text, in quotes"},
        {"[[test]]\nfilter = \"a\"\ndevice = \"1GiB\"", "x.toml, line 3: device is a table"},
        {"[[test]]\nfilter = \"a\"\ndevice.cuda0 = true",
         "x.toml, line 3: device.cuda0 is text, in quotes"},
        {"[[test]]\nfilter = \"a\"\ncolour = 1", "x.toml, line 3: colour is unknown in a [[test]]"},
        {"[[test]]\nfilter = \"a\"\nmemory = 1\nisolated = false",
         "x.toml, line 4: isolated cannot be false beside a budget"},
        {"[[test]\n", "x.toml, line 1: this is no TOML: "},
        {"a = 1\na = 2", "x.toml, line 2: this is no TOML: "},
    };
    for (const auto& [text, message] : wrong) {
        const auto config = parse_test_config(text, "x.toml");
        ASSERT_FALSE(config) << text;
        EXPECT_EQ(config.error().code, ErrorCode::bad_input) << text;
        EXPECT_TRUE(config.error().message.starts_with(message)) << text << "\n"
                                                                 << config.error().message;
    }
}

TEST(TestConfig, IsFoundInAFolderAroundUpToARepositorysRoot) {
    const ScratchFolder scratch;
    const std::filesystem::path inner = scratch.path() / "repository" / "a" / "b";
    std::filesystem::create_directories(inner);
    std::ofstream(scratch.path() / "hexcore.toml") << "run.jobs = 5";
    EXPECT_EQ(find_test_config(inner), scratch.path() / "hexcore.toml");
    std::filesystem::create_directories(scratch.path() / "repository" / ".git");
    EXPECT_EQ(find_test_config(inner), "");
    std::ofstream(inner / ".." / "hexcore.toml") << "run.jobs = 3";
    EXPECT_EQ(find_test_config(inner), scratch.path() / "repository" / "a" / "hexcore.toml");
    EXPECT_EQ(read_test_config(find_test_config(inner))->run.jobs, 3U);
    EXPECT_EQ(read_test_config(scratch.path() / "none").error().code, ErrorCode::bad_input);
}

}  // namespace
}  // namespace hexcore
