#include "hexcore/report/progress_bar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "hexcore/report/memory_bar.hpp"

namespace hexcore {
namespace {

double fraction_of(const Progress& progress) {
    if (progress.total == Bytes{}) {
        return 1;
    }
    return std::min(1.0, progress.done.as_double() / progress.total.as_double());
}

std::string reading_rate(double bytes_per_s) {
    if (!std::isfinite(bytes_per_s) || bytes_per_s < 1 || bytes_per_s > 1e15) {
        return "";
    }
    return fmt::format("{}/s", to_string(Bytes(static_cast<std::uint64_t>(bytes_per_s))));
}

}  // namespace

std::string progress_bar(const Progress& progress, std::size_t columns, Charset charset) {
    constexpr std::size_t least_bar = 10;
    const double fraction = fraction_of(progress);
    // Fixed widths, so that nothing jumps about while the numbers grow.
    const std::string percent = fmt::format("{:>3.0f} %", std::floor(fraction * 100));
    const std::string bytes =
        fmt::format("{:>9} of {}", to_string(std::min(progress.done, progress.total)),
                    to_string(progress.total));
    const std::string rate = fmt::format("{:>11}", reading_rate(progress.bytes_per_s));
    const std::string label = printable(progress.label);
    const std::size_t label_columns = label.empty() ? 0 : text_columns(label) + 1;

    std::size_t used = percent.size() + 1;
    std::string tail = ' ' + percent;
    for (const std::string& part : {bytes, rate}) {
        if (label_columns + least_bar + used + 2 + part.size() > columns) {
            break;
        }
        tail += "  " + part;
        used += 2 + part.size();
    }
    if (label_columns + least_bar + used <= columns) {
        const std::size_t bar = columns - used - label_columns;
        return (label.empty() ? "" : label + ' ') + fraction_bar(fraction, bar, charset) + tail;
    }
    return percent.size() <= columns ? percent : "";
}

}  // namespace hexcore
