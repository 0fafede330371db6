#pragma once

#include <cstddef>
#include <string>

#include "hexcore/base/bytes.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {

/// How far something with a known size has come.
struct Progress {
    std::string label;
    Bytes done;
    Bytes total;
    double bytes_per_s = 0;  ///< 0: not known yet
};

/// One line of exactly `columns` characters, or fewer where even the percentage has no room: label,
/// bar, percentage, bytes, rate. What has no room is left out from the right. No line end.
[[nodiscard]] std::string progress_bar(const Progress& progress, std::size_t columns,
                                       Charset charset);

}  // namespace hexcore
