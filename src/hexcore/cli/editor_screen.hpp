#pragma once

#include <cstddef>
#include <cstdio>
#include <string_view>

#include "hexcore/cli/clusters.hpp"

namespace hexcore {

/// A file for what a line editor writes to the terminal: characters that stand in for others
/// (`clusters`, which must outlive it) appear as those. Null where there is no memory.
[[nodiscard]] std::FILE* open_screen(const Clusters& clusters);

struct WindowSize {
    std::size_t rows;
    std::size_t columns;
};
[[nodiscard]] WindowSize window_size();

/// Rows of a window that are above the place behind such a text, whose start is in the first
/// column; for text of Clusters.
[[nodiscard]] std::size_t rows_above_end(std::wstring_view text, std::size_t columns);

}  // namespace hexcore
