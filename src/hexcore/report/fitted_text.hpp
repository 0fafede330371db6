#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "hexcore/report/text_table.hpp"

namespace hexcore {

/// Columns that printable UTF-8 text takes on a terminal: wide characters take two. Which those
/// are, the locale in effect says.
[[nodiscard]] std::size_t terminal_columns(std::string_view text);

/// `text`, whatever it holds, in exactly `columns` columns of a terminal: printable, without what
/// has no width of its own, cut with an ellipsis, or filled with spaces at its end.
[[nodiscard]] std::string fitted(std::string_view text, std::size_t columns,
                                 Align align = Align::left);

}  // namespace hexcore
