#include "hexcore/cli/word_wrap.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <clocale>
#include <string>
#include <string_view>

namespace hexcore {
namespace {

class WordWrapTest : public testing::Test {
protected:
    void SetUp() override { ASSERT_NE(std::setlocale(LC_CTYPE, "C.UTF-8"), nullptr); }
    void TearDown() override { std::setlocale(LC_CTYPE, "C"); }

    /// Of ten columns, in pieces of so many bytes of ASCII.
    static std::string wrapped(std::string_view text, std::size_t piece = 1000) {
        WordWrap wrap(10);
        std::string shown;
        for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) {
            shown += wrap.add(text.substr(0, piece));
        }
        return shown + wrap.finish();
    }
};

TEST_F(WordWrapTest, LinesAreBrokenBetweenWords) {
    for (const std::size_t piece : {1U, 3U, 1000U}) {
        EXPECT_EQ(wrapped("one two three four", piece), "one two \nthree four");
        EXPECT_EQ(wrapped("0123456789 a", piece), "0123456789\na");
        EXPECT_EQ(wrapped("one\n\n  two three", piece), "one\n\n  two \nthree");
    }
}

TEST_F(WordWrapTest, AWordThatIsLongerThanALineIsLeftToTheTerminal) {
    EXPECT_EQ(wrapped("a 0123456789012 bcd efg"), "a \n0123456789012 bcd \nefg");
}

TEST_F(WordWrapTest, CodeStaysAsItIs) {
    EXPECT_EQ(wrapped("so: a\n```c\nint main(void) { return 0; }\n```\none two three"),
              "so: a\n```c\nint main(void) { return 0; }\n```\none two \nthree");
    EXPECT_EQ(wrapped("```\na long line of code\n", 2), "```\na long line of code\n");
}

TEST_F(WordWrapTest, WideCharactersCountTwiceAndMayBePartedFromOneAnother) {
    EXPECT_EQ(wrapped("\u6F22\u5B57\u6F22\u5B57\u6F22\u5B57"),
              "\u6F22\u5B57\u6F22\u5B57\u6F22\n\u5B57");
    EXPECT_EQ(wrapped("e\u0301e\u0301e\u0301e\u0301 12345"), "e\u0301e\u0301e\u0301e\u0301 12345");
}

TEST_F(WordWrapTest, NothingThatTheTerminalWouldObeyIsShown) {
    EXPECT_EQ(wrapped("a\x1b[2Jb\x07\r\x7f\u009b1mc"), "a[2Jb1mc");
    EXPECT_EQ(wrapped("a\tb c"), "a\tb \nc");
    EXPECT_EQ(wrapped("```\n\ta\x1b[b\n```"), "```\n\ta[b\n```");
}

TEST_F(WordWrapTest, AWordIsShownWhenItIsWhole) {
    WordWrap wrap(10);
    EXPECT_EQ(wrap.add("one tw"), "one ");
    EXPECT_EQ(wrap.add("o"), "");
    EXPECT_EQ(wrap.add(" "), "two ");
    EXPECT_EQ(wrap.finish(), "");
}

}  // namespace
}  // namespace hexcore
