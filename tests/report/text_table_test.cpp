#include "hexcore/report/text_table.hpp"

#include <gtest/gtest.h>

namespace hexcore {
namespace {

TextTable small_table(std::size_t columns) {
    TextStyle style;
    style.columns = columns;
    TextTable table({{"device", Align::left}, {"budget"}, {"free"}}, style);
    table.add_row({"host0", "1", "2"});
    table.add_row({"host1", "", ""});
    return table;
}

TEST(TextTable, ARowWhoseOtherCellsAreEmptyStaysWhereTheTableIsWhole) {
    EXPECT_NE(small_table(80).render().find("host1"), std::string::npos);
}

}  // namespace
}  // namespace hexcore
