#include "hexcore/cli/question_text.hpp"

#include <gtest/gtest.h>

namespace hexcore {
namespace {

TEST(QuestionText, ALineThatEndsWithABackslashGoesOn) {
    EXPECT_TRUE(goes_on("one\\"));
    EXPECT_TRUE(goes_on("one\ntwo\\"));
    EXPECT_FALSE(goes_on("one\\ "));
    EXPECT_FALSE(goes_on("C:\\temp"));
}

TEST(QuestionText, ABlockGoesOnUntilItIsClosed) {
    EXPECT_TRUE(goes_on(R"(""")"));
    EXPECT_TRUE(goes_on(R"("""one
two)"));
    EXPECT_TRUE(goes_on(R"("""")"));
    EXPECT_FALSE(goes_on(R"("""one
two""")"));
    EXPECT_FALSE(goes_on(R"(one """ two)"));
    EXPECT_TRUE(goes_on(R"(/system """one)"));
    EXPECT_FALSE(goes_on(R"(/system one """two)"));
    EXPECT_FALSE(goes_on("/system "));
}

TEST(QuestionText, WhatIsMeantByABlockIsWhatStandsInIt) {
    EXPECT_EQ(meant_by("plain \"text\""), "plain \"text\"");
    EXPECT_EQ(meant_by(R"("""one
two""")"),
              "one\ntwo");
    EXPECT_EQ(meant_by(R"("""
one

two
""")"),
              "one\n\ntwo");
    EXPECT_EQ(meant_by(R"(/system """one
two""")"),
              "/system one\ntwo");
    EXPECT_EQ(meant_by(R"("""open)"), R"("""open)");
}

}  // namespace
}  // namespace hexcore
