#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/report/text_style.hpp"

namespace hexcore {

/// How many values a chart shows for each of its columns.
[[nodiscard]] std::size_t values_a_column(Charset charset);

/// A line over time in `rows` lines of text, the highest first, each as wide as `values` are many,
/// values_a_column() of them a column; where there is none the line has a gap. From `least` at the
/// bottom to `most` at the top, which is larger; what is beyond is drawn at the edge. In Unicode of
/// Braille patterns, two values a column and four steps a row.
[[nodiscard]] std::vector<std::string> line_chart(const std::vector<std::optional<double>>& values,
                                                  double least, double most, std::size_t rows,
                                                  Charset charset);

}  // namespace hexcore
