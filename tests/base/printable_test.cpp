#include "hexcore/base/printable.hpp"

#include <gtest/gtest.h>

namespace hexcore {
namespace {

TEST(Printable, KeepsTextInAnyLanguage) {
    const std::string text = "Grüße, 你好, 😀";
    EXPECT_EQ(printable(text), text);
}

TEST(Printable, ReplacesControlCharactersAndLineEnds) {
    EXPECT_EQ(printable("a\x1b[31m\r\n\tb\x7f"), "a?[31m???b?");
    EXPECT_EQ(printable("\xc2\x85"
                        "x"),
              "??x")
        << "a control character of the second block";
    EXPECT_EQ(printable("\xe2\x80\xaex"), "???x") << "turns the reading direction around";
}

TEST(Printable, ReplacesWhatIsNotUtf8) {
    EXPECT_EQ(printable("\xff"), "?");
    EXPECT_EQ(printable("a\xc3"), "a?") << "cut off";
    EXPECT_EQ(printable("\xc0\xaf"), "??") << "longer than needed";
    EXPECT_EQ(printable("\xed\xa0\x80"), "???") << "half a surrogate pair";
    EXPECT_EQ(printable("\xf4\x90\x80\x80"), "????") << "beyond Unicode";
}

TEST(Shortened, LeavesAloneWhatIsShortEnough) {
    EXPECT_EQ(shortened("twelve bytes", 12), "twelve bytes");
    EXPECT_EQ(shortened("a\nb", 12), "a?b");
}

TEST(Shortened, EndsWithAnEllipsisAndNeverWithHalfACharacter) {
    EXPECT_EQ(shortened("thirteen byte", 12), "thirteen ...");
    EXPECT_EQ(shortened("ééé", 5), "é...");
    EXPECT_EQ(shortened("éééé", 6), "é...") << "half of the second would have room";
}

}  // namespace
}  // namespace hexcore
