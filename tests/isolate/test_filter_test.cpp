#include "hexcore/isolate/test_filter.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "hexcore/isolate/text_pattern.hpp"

namespace hexcore {
namespace {

TestCase tagged(const std::string& id, std::vector<std::string> tags = {}) {
    return {.id = id, .name = id, .binary = "", .tags = std::move(tags)};
}

bool fits(const std::string& filter, const TestCase& test) {
    const auto parsed = TestFilter::parse(filter);
    EXPECT_TRUE(parsed) << parsed.error().message;
    return parsed && parsed->fits(test);
}

TEST(TestFilter, AWordIsAPartAndWithAStarAllOfAnId) {
    const TestCase test = tagged("Planner.SpillsExperts/3");
    EXPECT_TRUE(fits("Spills", test));
    EXPECT_TRUE(fits("Planner.Spill*", test));
    EXPECT_TRUE(fits("*/3", test));
    EXPECT_TRUE(fits("*", test));
    EXPECT_TRUE(fits("*Plan*Ex*3*", test));
    EXPECT_FALSE(fits("Spill*", test));
    EXPECT_FALSE(fits("spills", test));
    EXPECT_TRUE(fits("=Planner.SpillsExperts/3", test));
    EXPECT_FALSE(fits("=Planner.SpillsExperts", test));
    EXPECT_FALSE(fits("=Planner*", test));
}

TEST(TestFilter, NotBindsTighterThanAndAndThatTighterThanOr) {
    const TestCase a = tagged("a");
    const TestCase ab = tagged("ab");
    const TestCase c = tagged("c");
    EXPECT_TRUE(fits("a and not b", a));
    EXPECT_FALSE(fits("a and not b", ab));
    EXPECT_TRUE(fits("c or a and b", ab));
    EXPECT_TRUE(fits("c or a and b", c));
    EXPECT_FALSE(fits("c or a and b", a));
    EXPECT_FALSE(fits("(c or a) and b", c));
    EXPECT_TRUE(fits("(c or a)and(b)", ab));
    EXPECT_TRUE(fits("not(b)", a));
    EXPECT_TRUE(fits("not not a", a));
}

TEST(TestFilter, QuotesHoldAnything) {
    EXPECT_TRUE(fits("\"a (b) and \\\"c\\\"\"", tagged("x a (b) and \"c\" y")));
    EXPECT_TRUE(fits("\"and\"", tagged("band")));
    EXPECT_TRUE(fits("=\"a b\"", tagged("a b")));
    EXPECT_TRUE(fits("android", tagged("androids")));
    EXPECT_TRUE(fits("x[1-2]", tagged("t.py::x[1-2]")));
}

TEST(TestFilter, TagsFitAsAWhole) {
    const TestCase test = tagged("a", {"slow", "gpu test"});
    EXPECT_TRUE(fits("tag:slow", test));
    EXPECT_TRUE(fits("tag:\"gpu test\"", test));
    EXPECT_TRUE(fits("tag:gpu*", test));
    EXPECT_FALSE(fits("tag:slo", test));
    EXPECT_TRUE(fits("not tag:quick", test));
}

TEST(TestFilter, BetweenSlashesIsARegularExpression) {
    const TestCase test = tagged("tests/a.py::test_one[12]");
    EXPECT_TRUE(fits("/one.[0-9]+.$/", test));
    EXPECT_TRUE(fits("/^tests\\/a/", test));
    EXPECT_FALSE(fits("/^a/", test));
    EXPECT_TRUE(fits("/one|two/ and not /three/", test));
}

TEST(TestFilter, WhatCannotBeReadIsToldWithItsPlace) {
    const std::vector<std::pair<std::string, std::string>> wrong{
        {"", "the filter '' cannot be read at column 1: expected a test"},
        {"a b", "the filter 'a b' cannot be read at column 3: expected `and`, `or` or the end"},
        {"a and", "the filter 'a and' cannot be read at column 6: expected a test"},
        {"or", "the filter 'or' cannot be read at column 1: expected a test"},
        {"(a", "the filter '(a' cannot be read at column 3: expected `)`"},
        {"a)", "the filter 'a)' cannot be read at column 2: expected `and`, `or` or the end"},
        {"\"a", "the filter '\"a' cannot be read at column 3: the quotes are not closed"},
        {"/a", "the filter '/a' cannot be read at column 3: the regular expression does not end"},
        {"/(/", "'(' is no regular expression: "},
        {"tag:", "the filter 'tag:' cannot be read at column 5: expected a test"},
    };
    for (const auto& [filter, message] : wrong) {
        const auto parsed = TestFilter::parse(filter);
        ASSERT_FALSE(parsed) << filter;
        EXPECT_EQ(parsed.error().code, ErrorCode::usage);
        EXPECT_TRUE(parsed.error().message.starts_with(message)) << parsed.error().message;
    }
    EXPECT_FALSE(TestFilter::parse(std::string(100'000, '(')));
    std::string nots;
    for (int i = 0; i < 100'000; ++i) {
        nots += "not ";
    }
    EXPECT_FALSE(TestFilter::parse(nots + "a"));
}

TEST(Glob, TakesNoLongerWithManyStars) {
    EXPECT_FALSE(fits_glob("*a*a*a*a*a*a*a*a*a*a*b", std::string(10'000, 'a')));
    EXPECT_TRUE(fits_glob("**", ""));
    EXPECT_FALSE(fits_glob("", "a"));
}

TEST(TextPattern, OfCMakeTakesBracesAndBackslashesAsCMakeDoes) {
    const auto fits_cmake = [](const std::string& pattern, std::string_view text) {
        const auto made = TextPattern::make_of_cmake(pattern);
        EXPECT_TRUE(made) << made.error().message;
        return made && made->is_in(text);
    };
    EXPECT_TRUE(fits_cmake("a{2}", "xa{2}x"));
    EXPECT_FALSE(fits_cmake("a{2}", "aa"));
    EXPECT_TRUE(fits_cmake("\\[  SKIPPED \\]", "[  SKIPPED ] A.B"));
    EXPECT_TRUE(fits_cmake("\\w", "w"));
    EXPECT_FALSE(fits_cmake("\\w", "x"));
    EXPECT_TRUE(fits_cmake("[]x]", "]"));
    EXPECT_TRUE(fits_cmake("[^a{]", "b"));
    EXPECT_TRUE(fits_cmake("a.b", "a\nb"));
    EXPECT_TRUE(fits_cmake("^one(two|three)+$", "onetwothree"));
    EXPECT_TRUE(fits_cmake("end", std::string_view("a\0b\xFF end", 9)));
    EXPECT_TRUE(fits_cmake("a.b",
                           "a\xFF"
                           "b"));
    EXPECT_FALSE(TextPattern::make_of_cmake("("));
}

TEST(TextPattern, LongTextsAreNoProblem) {
    const std::string text(std::size_t{1} << 20U, 'x');
    const auto pattern = TextPattern::make("(x|y)*z");
    ASSERT_TRUE(pattern);
    EXPECT_FALSE(pattern->is_in(text));
    EXPECT_TRUE(pattern->is_in(text + "z"));
}

}  // namespace
}  // namespace hexcore
