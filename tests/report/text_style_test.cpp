#include "hexcore/report/text_style.hpp"

#include <gmock/gmock.h>

#include <set>

#include "hexcore/report/text_table.hpp"

namespace hexcore::test {
namespace {

using ::testing::ElementsAre;

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

TEST(DeviceSymbol, IsDifferentForSixtyTwoDevices) {
    std::set<char> symbols;
    for (int d = 0; d < 62; ++d) {
        symbols.insert(device_symbol(DeviceId(d)));
    }
    EXPECT_EQ(symbols.size(), 62U);
    EXPECT_EQ(device_symbol(DeviceId(10)), 'a');
    EXPECT_EQ(device_symbol(DeviceId(62)), '*');
}

TEST(WrapText, BreaksAtSpacesAndLeavesLongWordsWhole) {
    EXPECT_THAT(wrap_text("one two three", 7), ElementsAre("one two", "three"));
    EXPECT_THAT(wrap_text("a verylongword b", 6), ElementsAre("a", "verylongword", "b"));
    EXPECT_THAT(wrap_text("", 6), ElementsAre());
    EXPECT_THAT(wrap_text("äöü äöü", 7), ElementsAre("äöü äöü"));
}

TEST(HangingParagraph, ContinuesUnderTheStartOfTheText) {
    const std::string words(60, 'x');
    EXPECT_EQ(hanging_paragraph("lead ", words + ' ' + words),
              "lead " + words + "\n     " + words + '\n');
}

TEST(TextTable, AlignsByCharactersNotBytes) {
    TextTable table({{"NAME", Align::left}, {"SIZE"}}, {});
    table.add_row({"█·é", "1"});
    table.add_row({"abcdef", "1000"});
    EXPECT_EQ(table.render(), "NAME    SIZE\n█·é        1\nabcdef  1000\n");
}

}  // namespace
}  // namespace hexcore::test
