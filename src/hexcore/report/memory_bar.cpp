#include "hexcore/report/memory_bar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

namespace hexcore {
namespace {

struct Glyphs {
    std::string_view experts, weights, kv, compute, free, reserve;
};

constexpr Glyphs unicode_glyphs{"█", "▓", "▒", "░", "·", "╱"};
constexpr Glyphs ascii_glyphs{"#", "=", "+", "~", ".", "/"};

const Glyphs& glyphs_of(Charset charset) {
    return charset == Charset::unicode ? unicode_glyphs : ascii_glyphs;
}

std::size_t scaled(Bytes size, Bytes whole, std::size_t columns) {
    if (whole == Bytes{}) {
        return 0;
    }
    const double share = std::min(1.0, size.as_double() / whole.as_double());
    return static_cast<std::size_t>(std::lround(share * static_cast<double>(columns)));
}

/// One character for all that is less than one: of what there is most of.
std::string_view least(const Usage& usage, const Glyphs& glyphs) {
    const std::array<std::pair<Bytes, std::string_view>, 4> parts = {
        {{usage.experts, glyphs.experts},
         {usage.weights + usage.adapters, glyphs.weights},
         {usage.kv + usage.recurrent, glyphs.kv},
         {usage.compute + usage.expert_cache + usage.staging, glyphs.compute}}};
    return std::max_element(parts.begin(), parts.end(),
                            [](const auto& a, const auto& b) { return a.first < b.first; })
        ->second;
}

void append_until(std::string& bar, std::size_t& drawn, std::size_t end, std::string_view glyph) {
    for (; drawn < end; ++drawn) {
        bar += glyph;
    }
}

}  // namespace

std::string memory_bar(const Usage& usage, Bytes reserve, Bytes budget, std::size_t columns,
                       Charset charset) {
    const Glyphs& glyphs = glyphs_of(charset);
    std::string bar;
    std::size_t drawn = 0;
    if (columns > 0 && budget > Bytes{} && usage.total() > Bytes{} &&
        scaled(usage.total(), budget, columns) == 0) {
        bar += least(usage, glyphs);  // else the device would look like one that holds nothing
        drawn = 1;
    }
    // Rounding the sums, not the parts, keeps the end of the bar true to the total.
    Bytes sum = usage.experts;
    append_until(bar, drawn, scaled(sum, budget, columns), glyphs.experts);
    sum += usage.weights + usage.adapters;
    append_until(bar, drawn, scaled(sum, budget, columns), glyphs.weights);
    append_until(bar, drawn, scaled(sum += usage.kv + usage.recurrent, budget, columns), glyphs.kv);
    sum += usage.compute + usage.expert_cache + usage.staging;
    append_until(bar, drawn, scaled(sum, budget, columns), glyphs.compute);
    const Bytes usable = saturating_subtract(budget, reserve);
    append_until(bar, drawn, scaled(usable, budget, columns), glyphs.free);
    append_until(bar, drawn, columns, glyphs.reserve);
    return bar;
}

std::vector<std::string> memory_bar_legend(bool with_recurrent_state, Charset charset) {
    const Glyphs& glyphs = glyphs_of(charset);
    return {
        fmt::format("{} experts", glyphs.experts),
        fmt::format("{} other weights", glyphs.weights),
        fmt::format("{} KV cache{}", glyphs.kv, with_recurrent_state ? " and recurrent state" : ""),
        fmt::format("{} compute, staging", glyphs.compute),
        fmt::format("{} free", glyphs.free),
        fmt::format("{} reserve", glyphs.reserve)};
}

std::string fraction_bar(double fraction, std::size_t columns, Charset charset) {
    constexpr std::array<std::string_view, 8> eighths = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const double share = std::isfinite(fraction) ? std::clamp(fraction, 0.0, 1.0) : 0.0;
    const bool unicode = charset == Charset::unicode;
    const std::size_t steps = unicode ? eighths.size() : 1;
    // Down, so that only a finished bar looks full.
    const auto filled =
        static_cast<std::size_t>(std::floor(share * static_cast<double>(columns * steps)));
    std::string bar;
    for (std::size_t i = 0; i < columns; ++i) {
        if (i < filled / steps) {
            bar += unicode ? "█" : "#";
        } else {
            bar += !unicode ? "." : i == filled / steps ? eighths[filled % steps] : " ";
        }
    }
    return bar;
}

}  // namespace hexcore
