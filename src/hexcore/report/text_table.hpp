#pragma once

#include <string>
#include <vector>

#include "hexcore/report/text_style.hpp"

namespace hexcore {

enum class Align { left, right };

struct TableColumn {
    std::string header;
    Align align = Align::right;
};

/// Columns of text, set by libsmartcols and as wide as their widest cell.
class TextTable {
public:
    TextTable(std::vector<TableColumn> columns, TextStyle style);

    /// `cells` has one entry for each column. `escape` colours the first cell where colours are on.
    void add_row(std::vector<std::string> cells, std::string escape = "");

    /// The lines of the table with the header first, each ended, without spaces at their ends.
    [[nodiscard]] std::string render() const;

private:
    struct Row {
        std::vector<std::string> cells;
        std::string escape;
    };
    std::vector<TableColumn> columns_;
    std::vector<Row> rows_;
    TextStyle style_;
};

}  // namespace hexcore
