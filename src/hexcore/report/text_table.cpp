#include "hexcore/report/text_table.hpp"

#include <libsmartcols.h>
#include <locale.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <sstream>

#include "hexcore/base/check.hpp"

namespace hexcore {
namespace {

const std::string separator = "  ";

/// Lets libsmartcols measure UTF-8 on this thread, whatever locale the program runs in: in the C
/// locale it would count a block character as three columns.
class Utf8OnThisThread {
public:
    Utf8OnThisThread() : locale_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
        if (locale_ != nullptr) {
            previous_ = uselocale(locale_);
        }
    }
    ~Utf8OnThisThread() {
        if (locale_ != nullptr) {
            uselocale(previous_);
            freelocale(locale_);
        }
    }
    Utf8OnThisThread(const Utf8OnThisThread&) = delete;
    Utf8OnThisThread& operator=(const Utf8OnThisThread&) = delete;

private:
    locale_t locale_ = nullptr;
    locale_t previous_ = nullptr;
};

struct UnrefTable {
    void operator()(libscols_table* table) const { scols_unref_table(table); }
};
using TableHandle = std::unique_ptr<libscols_table, UnrefTable>;

struct FreeText {
    void operator()(char* text) const { std::free(text); }
};

std::string without_trailing_spaces(const std::string& text) {
    std::string result;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const std::size_t end = line.find_last_not_of(' ');
        result += line.substr(0, end == std::string::npos ? 0 : end + 1) + '\n';
    }
    return result;
}

}  // namespace

TextTable::TextTable(std::vector<TableColumn> columns, TextStyle style)
    : columns_(std::move(columns)), style_(style) {}

void TextTable::add_row(std::vector<std::string> cells, std::string escape) {
    HEXCORE_CHECK(cells.size() == columns_.size(), cells.size(), columns_.size());
    rows_.push_back({std::move(cells), std::move(escape)});
}

std::size_t TextTable::width_of(std::size_t column) const {
    std::size_t width = text_columns(columns_[column].header);
    for (const Row& row : rows_) {
        width = std::max(width, text_columns(row.cells[column]));
    }
    return width;
}

std::size_t TextTable::columns() const {
    std::size_t width = 0;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        width += (i == 0 ? 0 : separator.size()) + width_of(i);
    }
    return width;
}

std::string TextTable::render() const {
    const bool wraps = std::any_of(columns_.begin(), columns_.end(), [](const TableColumn& column) {
        return column.overlong == Overlong::wraps;
    });
    std::string text;
    std::vector<std::size_t> part{0};
    std::size_t width = width_of(0);
    for (std::size_t i = 1; i < columns_.size(); ++i) {
        const std::size_t more = separator.size() + width_of(i);
        if (!wraps && part.size() > 1 && width + more > style_.columns) {
            text += render_part(part) + '\n';
            part = {0};
            width = width_of(0);
        }
        part.push_back(i);
        width += more;
    }
    return text + render_part(part);
}

std::string TextTable::render_part(const std::vector<std::size_t>& columns) const {
    const Utf8OnThisThread utf8;
    const TableHandle table(scols_new_table());
    HEXCORE_CHECK(table != nullptr, columns.size(), rows_.size());
    scols_table_enable_noencoding(table.get(), 1);
    scols_table_set_column_separator(table.get(), separator.c_str());
    // Without a terminal libsmartcols makes nothing narrower, which only columns that wrap need.
    const bool narrows = this->columns() > style_.columns &&
                         std::any_of(columns.begin(), columns.end(), [&](std::size_t i) {
                             return columns_[i].overlong == Overlong::wraps;
                         });
    scols_table_set_termforce(table.get(),
                              narrows ? SCOLS_TERMFORCE_ALWAYS : SCOLS_TERMFORCE_NEVER);
    scols_table_set_termwidth(table.get(), style_.columns);
    scols_table_enable_colors(table.get(), style_.color == Color::ansi ? 1 : 0);
    for (const std::size_t i : columns) {
        const TableColumn& column = columns_[i];
        const int flags = (column.align == Align::right ? SCOLS_FL_RIGHT : 0) |
                          (column.overlong == Overlong::wraps ? SCOLS_FL_WRAP : 0);
        scols_table_new_column(table.get(), column.header.c_str(), 0, flags);
    }
    const bool parted = columns.size() < columns_.size();
    for (const Row& row : rows_) {
        if (parted && std::all_of(columns.begin() + 1, columns.end(),
                                  [&](std::size_t i) { return row.cells[i].empty(); })) {
            continue;  // what it says stands in another part
        }
        libscols_line* line = scols_table_new_line(table.get(), nullptr);
        for (std::size_t i = 0; i < columns.size(); ++i) {
            scols_line_set_data(line, i, row.cells[columns[i]].c_str());
        }
        if (style_.color == Color::ansi && !row.escape.empty()) {
            scols_cell_set_color(scols_line_get_cell(line, 0), row.escape.c_str());
        }
    }
    char* text = nullptr;
    const int status = scols_print_table_to_string(table.get(), &text);
    const std::unique_ptr<char, FreeText> owner(text);
    HEXCORE_CHECK(status == 0 && text != nullptr, status, rows_.size());
    return without_trailing_spaces(text);
}

}  // namespace hexcore
