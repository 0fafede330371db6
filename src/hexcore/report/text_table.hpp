#pragma once

#include <string>
#include <vector>

#include "hexcore/report/text_style.hpp"

namespace hexcore {

enum class Align { left, right };
/// What becomes of a column where the table is wider than it may be.
enum class Overlong {
    moves,  ///< as it is, if need be into a second table below, with the same first column
    wraps,  ///< its cells are broken into several lines
};

struct TableColumn {
    std::string header;
    Align align = Align::right;
    Overlong overlong = Overlong::moves;
};

/// Columns of text, set by libsmartcols and as wide as their widest cell. A table that is wider
/// than the style's columns gets narrower by what its columns say; no cell is ever cut.
class TextTable {
public:
    TextTable(std::vector<TableColumn> columns, TextStyle style);

    /// `cells` has one entry for each column. `escape` colours the first cell where colours are on.
    void add_row(std::vector<std::string> cells, std::string escape = "");

    /// How wide the table is where nothing makes it narrower.
    [[nodiscard]] std::size_t columns() const;

    /// The lines of the table with the header first, each ended, without spaces at their ends.
    [[nodiscard]] std::string render() const;

private:
    struct Row {
        std::vector<std::string> cells;
        std::string escape;
    };
    [[nodiscard]] std::size_t width_of(std::size_t column) const;
    [[nodiscard]] std::string render_part(const std::vector<std::size_t>& columns) const;

    std::vector<TableColumn> columns_;
    std::vector<Row> rows_;
    TextStyle style_;
};

}  // namespace hexcore
