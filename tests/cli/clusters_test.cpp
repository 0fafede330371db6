#include "hexcore/cli/clusters.hpp"

#include <gtest/gtest.h>

#include <clocale>
#include <cwchar>
#include <string>

namespace hexcore {
namespace {

class ClustersTest : public testing::Test {
protected:
    void SetUp() override { ASSERT_NE(std::setlocale(LC_CTYPE, "C.UTF-8"), nullptr); }
    void TearDown() override { std::setlocale(LC_CTYPE, "C"); }

    Clusters clusters;
};

TEST_F(ClustersTest, ALetterWithItsMarksIsOneCharacterAsWideAsTheLetter) {
    EXPECT_EQ(clusters.edited("e\u0301\u0323x").size(), 2U);
    EXPECT_EQ(::wcwidth(clusters.edited("e\u0301")[0]), 1);
    EXPECT_EQ(clusters.edited("\u1100\u1161\u11A8").size(), 1U);  // a Korean syllable in parts
    EXPECT_EQ(::wcwidth(clusters.edited("\u1100\u1161\u11A8")[0]), 2);
    EXPECT_NE(clusters.edited("e\u0301"), clusters.edited("e\u0300"));
}

TEST_F(ClustersTest, TextComesBackAsItWas) {
    for (const char* text :
         {"plain", "h\u00E9llo", "e\u0301 a\u0323\u0302", "\u0301 alone", "a\n\u0301b",
          "\u6F22\u5B57", "\U0001F469\u200D\U0001F467\uFE0F", "\u0E01\u0E47\u0E44\u0E21\u0E48",
          // What stands in for others, as text.
          "\U00100000 \U0010FFFD \U00017000", "\U00100000\u0301"}) {
        EXPECT_EQ(clusters.text(clusters.edited(text)), text);
    }
}

TEST_F(ClustersTest, AMarkWithoutALetterHasACircleToStandOnButIsKeptAlone) {
    const std::wstring alone = clusters.edited("\u0301");
    EXPECT_EQ(clusters.shown(alone), "\u25CC\u0301");
    EXPECT_EQ(clusters.text(alone), "\u0301");
    EXPECT_EQ(clusters.shown(clusters.edited("e\u0301")), "e\u0301");
}

TEST_F(ClustersTest, WhatIsNoTextIsReplaced) {
    using std::string_literals::operator""s;
    EXPECT_EQ(clusters.text(clusters.edited("a\xFF\xC3z"s)), "a\uFFFD\uFFFDz");
    EXPECT_EQ(clusters.text(clusters.edited("a\0b"s)), "a\uFFFD\x62");
}

TEST_F(ClustersTest, WhenAllStandInsAreTakenMarksStandForThemselves) {
    constexpr int stand_ins = 6136;  // for characters of two columns
    for (int i = 0; i <= stand_ins; ++i) {
        const auto letter = static_cast<wchar_t>(0x4E00 + i);
        ASSERT_EQ(clusters.with_mark(letter, L'\u0301') == 0, i == stand_ins) << i;
    }
    const std::string text = "\u9FA0\u0301";
    EXPECT_EQ(clusters.edited(text).size(), 2U);
    EXPECT_EQ(clusters.text(clusters.edited(text)), text);
}

}  // namespace
}  // namespace hexcore
