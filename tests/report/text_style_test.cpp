#include "hexcore/report/text_style.hpp"

#include <gmock/gmock.h>

#include <set>

#include "hexcore/report/text_table.hpp"

namespace hexcore::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

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
    EXPECT_THAT(wrap_text("  one\n two ", 80), ElementsAre("one two"));
    EXPECT_THAT(wrap_text("äöü äöü", 7), ElementsAre("äöü äöü"));
}

TEST(HangingParagraph, ContinuesUnderTheStartOfTheText) {
    const std::string words(60, 'x');
    EXPECT_EQ(hanging_paragraph("lead ", words + ' ' + words, 80),
              "lead " + words + "\n     " + words + '\n');
}

TEST(TextTable, AlignsByCharactersNotBytes) {
    TextTable table({{"NAME", Align::left}, {"SIZE"}}, {});
    table.add_row({"█·é", "1"});
    table.add_row({"abcdef", "1000"});
    EXPECT_EQ(table.render(), "NAME    SIZE\n█·é        1\nabcdef  1000\n");
}

TEST(TextTable, PutsWhatATerminalHasNoRoomForBelow) {
    const auto rendered = [](std::size_t columns) {
        TextTable table({{"NAME", Align::left}, {"ONE"}, {"TWO"}}, {.columns = columns});
        table.add_row({"abc", "11111", "22222"});
        return table.render();
    };
    EXPECT_EQ(rendered(18), "NAME    ONE    TWO\nabc   11111  22222\n");
    const std::string parted = "NAME    ONE\nabc   11111\n\nNAME    TWO\nabc   22222\n";
    EXPECT_EQ(rendered(17), parted);
    EXPECT_EQ(rendered(1), parted);
}

TEST(TextTable, BreaksOnlyWhatMayBeBroken) {
    TextTable table({{"A", Align::left}, {"NAME", Align::left, Overlong::wraps}, {"SIZE"}},
                    {.columns = 24});
    table.add_row({"x", "a/very/long/name/of/something", "1234567"});
    const std::string text = table.render();
    std::string letters;
    for (std::size_t start = 0; start < text.size();) {
        const std::size_t end = text.find('\n', start);
        EXPECT_LE(text_columns(text.substr(start, end - start)), 24U) << text;
        start = end + 1;
    }
    std::copy_if(text.begin(), text.end(), std::back_inserter(letters),
                 [](char c) { return c == '/' || (c >= 'a' && c <= 'z' && c != 'x'); });
    EXPECT_EQ(letters, "a/very/long/name/of/something");
    EXPECT_THAT(text, HasSubstr("1234567\n"));
}

}  // namespace
}  // namespace hexcore::test
