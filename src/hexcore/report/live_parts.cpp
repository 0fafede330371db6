#include "hexcore/report/live_parts.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <utility>

#include "hexcore/base/duration.hpp"
#include "hexcore/report/fitted_text.hpp"
#include "hexcore/report/growth_words.hpp"
#include "hexcore/report/line_chart.hpp"
#include "hexcore/report/memory_bar.hpp"

namespace hexcore {
namespace {

std::int64_t signed_difference(Bytes a, Bytes b) {
    return static_cast<std::int64_t>(a.count()) - static_cast<std::int64_t>(b.count());
}

/// "12.1 GiB of 64.0 GiB"
std::string of_total(Bytes now, Bytes total) {
    return total > Bytes() ? fmt::format("{} of {}", to_string(now), to_string(total))
                           : to_string(now);
}

double share(Bytes part, Bytes whole) {
    return whole > Bytes() ? std::min(part.as_double() / whole.as_double(), 1.0) : 0.0;
}

struct Bar {
    std::string name = {};
    std::string figures = {};
    LiveSpan note = {};     ///< behind the figures
    std::string more = {};  ///< behind that
    Bytes now = {};
    Bytes total = {};
    Bytes baseline = {};
    std::size_t device = 0;  ///< whose colour
    bool is_chosen = false;
};

Bar bar_of(const LiveState& state, std::size_t i) {
    const LiveDevice& device = state.devices[i];
    Bar bar{.name = device.device.name,
            .figures = of_total(device.now, device.device.total),
            .more = fmt::format("peak {}", to_string(device.peak)),
            .now = device.now,
            .total = device.device.total,
            .baseline = device.baseline,
            .device = i};
    if (state.based) {
        const std::int64_t above = signed_difference(device.now, device.baseline);
        bar.note = {fmt::format("{} since {}", signed_bytes(above), clock_of(*state.based))};
    } else if (!device.growth.label.empty()) {
        bar.note = {growth_words(device.growth), LiveLook::warning};
    } else if (device.growth.verdict == Verdict::growing) {
        const auto rate = static_cast<std::int64_t>(device.growth.bytes_per_s);
        bar.note = {fmt::format("growing {}/s", signed_bytes(rate)), LiveLook::warning};
    }
    return bar;
}

Bar bar_of(const LiveHolder& holder) {
    return {.name = fmt::format("{} {}", holder.kind, holder.device),
            .figures = of_total(holder.now, holder.total),
            .note = {fmt::format("pid {}", holder.pid), LiveLook::dim},
            .more = fmt::format("peak {}", to_string(holder.peak)),
            .now = holder.now,
            .total = holder.total};
}

/// How wide what stands beside the bars is.
struct BarColumns {
    std::size_t name = 0;
    std::size_t figures = 0;
    std::size_t note = 0;
    std::size_t more = 0;
    std::size_t bar = 0;
};

/// On a narrow screen the bars go before what stands behind the figures.
BarColumns columns_of(const std::vector<Bar>& bars, std::size_t columns) {
    constexpr std::size_t longest_name = 16;
    constexpr std::size_t least_bar = 10;
    BarColumns widest;
    for (const Bar& bar : bars) {
        const std::size_t name = terminal_columns(printable(bar.name));
        widest.name = std::max(widest.name, std::min(name, longest_name));
        widest.figures = std::max(widest.figures, bar.figures.size() + 1);
        widest.note = std::max(widest.note, bar.note.text.size() + 1);
        widest.more = std::max(widest.more, bar.more.size() + 1);
    }
    constexpr std::size_t between = 3;
    std::size_t left = columns - std::min(columns, widest.name + widest.figures + between);
    for (std::size_t* part : {&widest.note, &widest.more}) {
        *part = left >= *part + least_bar ? *part : 0;
        left -= *part;
    }
    widest.bar = left;
    return widest;
}

/// Filled in the colour of its device; what the baseline leaves out is dim.
LiveLine draw(const Bar& bar, const BarColumns& columns, Charset charset) {
    const auto width = static_cast<double>(columns.bar);
    const double filled = share(bar.now, bar.total) * width;
    const double left_out = share(std::min(bar.baseline, bar.now), bar.total) * width;
    const auto dim = static_cast<std::size_t>(left_out);
    const std::size_t rest = columns.bar - dim;
    const double bright = (filled - static_cast<double>(dim)) / std::max(width - left_out, 1.0);
    return {
        {fitted(bar.name, columns.name), bar.is_chosen ? LiveLook::chosen : LiveLook::plain},
        {" "},
        {fraction_bar(1.0, dim, charset), LiveLook::dim},
        {fraction_bar(std::clamp(bright, 0.0, 1.0), rest, charset), LiveLook::device, bar.device},
        {charset == Charset::unicode ? "\u2502 " : "| ", LiveLook::dim},
        {fitted(bar.figures, columns.figures)},
        {fitted(bar.note.text, columns.note), bar.note.look},
        {fitted(bar.more, columns.more), LiveLook::dim}};
}

/// Round figures that the line stays within.
struct Scale {
    double least = 0;
    double most = 0;
};

/// From 0 or the baseline; where all is far above that, from a figure nearer to it.
Scale scale_of(const std::vector<std::optional<double>>& values, double baseline) {
    constexpr double least_span = 4096;
    double least = std::numeric_limits<double>::max();
    double most = baseline;
    for (const auto& value : values) {
        least = std::min(least, value.value_or(least));
        most = std::max(most, value.value_or(most));
    }
    const bool is_far_above = least < most && least - baseline > (most - baseline) / 2;
    const double from = is_far_above ? least : baseline;
    const double span = std::max(most - from, least_span);
    const double unit = std::exp2(std::floor(std::log2(span)) - 2);
    const double begin = is_far_above ? std::floor(from / unit) * unit : baseline;
    return {begin, begin + std::max(std::ceil((most - begin) / unit), 1.0) * unit};
}

/// Where a time is on an axis.
std::size_t column_at(RecordedTime time, RecordedTime until, std::size_t columns) {
    const double at =
        in_seconds(time) / std::max(in_seconds(until), 1e-6) * static_cast<double>(columns);
    return std::min(static_cast<std::size_t>(std::max(at, 0.0)), columns - 1);
}

/// The line below a chart: when it begins and ends, and where the mark is.
std::string time_axis(const LiveState& state, std::size_t columns) {
    const std::string begin = clock_of({});
    const std::string end = clock_of(state.time);
    std::string axis(columns, ' ');
    if (state.marked && state.time > RecordedTime()) {
        axis[column_at(*state.marked, state.time, columns)] = '^';
    }
    axis.replace(0, std::min(begin.size(), columns), begin, 0, columns);
    if (end.size() + begin.size() < columns) {
        axis.replace(columns - end.size(), end.size(), end);
    }
    return axis;
}

std::function<bool(const LivePart&, const LivePart&)> before(LiveSort sort) {
    switch (sort) {
        case LiveSort::bytes:
            break;
        case LiveSort::change:
            return [](const LivePart& a, const LivePart& b) { return a.change() > b.change(); };
        case LiveSort::peak:
            return [](const LivePart& a, const LivePart& b) { return a.peak > b.peak; };
        case LiveSort::name:
            return [](const LivePart& a, const LivePart& b) { return a.name < b.name; };
    }
    return [](const LivePart& a, const LivePart& b) { return a.now > b.now; };
}

constexpr std::size_t pid_columns = 8;
constexpr std::size_t figure_columns = 14;

LiveLine table_line(std::string_view pid, std::string_view name,
                    const std::array<std::string, 3>& figures, std::size_t columns, LiveLook look) {
    const std::size_t rest = pid_columns + figures.size() * figure_columns + 1;
    LiveLine line{{fitted(pid, pid_columns, Align::right), look},
                  {" "},
                  {fitted(name, columns > rest ? columns - rest : 0), look}};
    for (const std::string& figure : figures) {
        line.push_back({fitted(figure, figure_columns, Align::right), look});
    }
    return line;
}

}  // namespace

std::string signed_bytes(std::int64_t bytes) {
    const auto size = static_cast<std::uint64_t>(bytes < 0 ? -bytes : bytes);
    return fmt::format("{}{}", bytes < 0 ? "-" : bytes > 0 ? "+" : "", to_string(Bytes(size)));
}

std::string clock_of(RecordedTime time) {
    const auto whole = std::chrono::floor<std::chrono::seconds>(time);
    constexpr std::chrono::seconds minute(60);
    return whole < minute ? fmt::format("00:{:02}", whole.count()) : clock_text(in_seconds(whole));
}

std::vector<LiveLine> live_bars(const LiveState& state, std::size_t chosen, std::size_t columns,
                                Charset charset) {
    std::vector<Bar> bars;
    for (std::size_t i = 0; i < state.devices.size(); ++i) {
        bars.push_back(bar_of(state, i));
        bars.back().is_chosen = i == chosen;
    }
    for (const LiveHolder& holder : state.holders) {
        if (holder.now > Bytes() || holder.total > Bytes()) {
            bars.push_back(bar_of(holder));
        }
    }
    const BarColumns widths = columns_of(bars, columns);
    std::vector<LiveLine> lines;
    lines.reserve(bars.size());
    for (const Bar& bar : bars) {
        lines.push_back(draw(bar, widths, charset));
    }
    return lines;
}

std::vector<LiveLine> live_chart(const LiveState& state, std::size_t device, LiveSize size,
                                 Charset charset) {
    constexpr std::size_t scale_columns = 11;
    const std::size_t columns = std::max(size.columns, scale_columns + 8) - scale_columns;
    const std::size_t rows = size.rows - 1;
    const LiveDevice& shown = state.devices[device];
    const RecordedTime until = std::max(state.time, RecordedTime(1));
    std::vector<std::optional<double>> values;
    for (const auto& step : shown.history.steps(columns * values_a_column(charset), until)) {
        values.push_back(step ? std::optional(step->as_double()) : std::nullopt);
    }
    const Scale scale = scale_of(values, shown.baseline.as_double());
    const auto label = [](double bytes) {
        return to_string(Bytes(static_cast<std::uint64_t>(bytes)));
    };
    const std::vector<std::string> drawn =
        line_chart(values, scale.least, scale.most, rows, charset);
    std::vector<LiveLine> lines;
    for (std::size_t row = 0; row < rows; ++row) {
        const std::string beside = row == 0          ? label(scale.most)
                                   : row == rows - 1 ? label(scale.least)
                                   : row == rows / 2 ? shown.device.name
                                                     : "";
        lines.push_back({{fitted(beside, scale_columns - 2, Align::right),
                          row == rows / 2 ? LiveLook::plain : LiveLook::dim},
                         {charset == Charset::unicode ? " \u2502" : " |", LiveLook::dim},
                         {drawn[row], LiveLook::device, device}});
    }
    lines.push_back({{std::string(scale_columns, ' ') + time_axis(state, columns), LiveLook::dim}});
    return lines;
}

std::vector<LiveLine> live_lines_of(LiveTable table, LiveSize size) {
    std::vector<LivePart>& parts = table.parts;
    std::stable_sort(parts.begin(), parts.end(), before(table.sort));
    const auto heading = [&](std::string_view name, LiveSort by) {
        return fmt::format("{}{}", table.sort == by ? "*" : "", name);
    };
    const std::string change =
        table.marked ? "SINCE " + clock_of(*table.marked) : std::string("CHANGE");
    std::vector<LiveLine> lines{
        table_line("PID", table.title,
                   {heading("NOW", LiveSort::bytes), heading(change, LiveSort::change),
                    heading("PEAK", LiveSort::peak)},
                   size.columns, LiveLook::heading)};
    const bool all_fit = parts.size() + 1 <= size.rows;
    const std::size_t shown =
        std::min(all_fit ? parts.size() : std::max<std::size_t>(size.rows, 2) - 2, parts.size());
    for (std::size_t i = 0; i < shown; ++i) {
        const LivePart& part = parts[i];
        lines.push_back(
            table_line(std::to_string(part.pid), part.name,
                       {to_string(part.now), signed_bytes(part.change()), to_string(part.peak)},
                       size.columns, LiveLook::plain));
    }
    if (!all_fit) {
        Bytes rest;
        for (std::size_t i = shown; i < parts.size(); ++i) {
            rest += parts[i].now;
        }
        lines.push_back(table_line("", fmt::format("{} more", parts.size() - shown),
                                   {to_string(rest), "", ""}, size.columns, LiveLook::dim));
    }
    return lines;
}

}  // namespace hexcore
