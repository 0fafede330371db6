#include "hexcore/report/recording_svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "hexcore/base/duration.hpp"
#include "hexcore/report/growth_words.hpp"
#include "hexcore/report/plan_svg_parts.hpp"
#include "hexcore/report/text_style.hpp"
#include "hexcore/report/watch_sentences.hpp"

namespace hexcore {
namespace {

constexpr double plot_x = 110;
constexpr double plot_width = 590;
constexpr double plot_height = 150;
constexpr double legend_x = plot_x + plot_width + 28;
constexpr std::string_view others_fill = "#a9b4c0";
constexpr std::string_view unwatched_fill = "#d3d9e0";
constexpr std::string_view grid_fill = "#e4e8ed";

/// The same part has the same colour in every chart.
class Fills {
public:
    std::string_view of(const std::string& name) {
        if (name == all_others || name == other_programs) {
            return name == all_others ? others_fill : unwatched_fill;
        }
        return device_fill(DeviceId(numbers_.try_emplace(name, numbers_.size()).first->second));
    }

private:
    std::map<std::string, std::size_t> numbers_;
};

/// Where times and sizes of a chart are on the page.
struct Plot {
    double top = 0;
    double seconds = 1;
    double most = 1;  ///< units at the upper edge

    [[nodiscard]] double x(double at_s) const { return plot_x + plot_width * at_s / seconds; }
    [[nodiscard]] double y(double units) const {
        return top + plot_height * (1 - std::min(units / most, 1.0));
    }
};

/// The round number of seconds of which about six go into the time.
double time_step(double seconds) {
    constexpr std::array<double, 19> steps = {0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1,    2,    5,    10,
                                              20,   30,   60,   120, 300, 600, 1800, 3600, 14400};
    const auto step =
        std::find_if(steps.begin(), steps.end(), [&](double each) { return seconds / each <= 7; });
    return step == steps.end() ? 86400 * std::max(1.0, seconds / 86400 / 7) : *step;
}

void draw_axes(SvgPage& page, const Plot& plot, Bytes unit) {
    const SvgText quiet{.size = 11, .anchor = SvgAnchor::end, .fill = svg_quiet_ink};
    std::uint64_t step = 1;
    const double most_bytes = plot.most * unit.as_double();
    while (static_cast<double>(step) * 3.5 < most_bytes) {
        step *= 2;
    }
    for (std::uint64_t at = 0; static_cast<double>(at) <= most_bytes; at += step) {
        const double y = plot.y(static_cast<double>(at) / unit.as_double());
        page.box({plot_x, y - 0.5, plot_width, 1}, grid_fill);
        page.text(plot_x - 8, y + 4, to_string(Bytes(at)), quiet);
    }
    const double seconds_step = time_step(plot.seconds);
    for (double at = 0; at <= plot.seconds; at += seconds_step) {
        page.text(plot.x(at), plot.top + plot_height + 16, at > 0 ? clock_text(at) : "0",
                  {.size = 11, .anchor = SvgAnchor::middle, .fill = svg_quiet_ink});
    }
}

void draw_areas(SvgPage& page, const Plot& plot, const DeviceChart& chart, Fills& fills) {
    std::vector<std::uint64_t> below(chart.times.size());
    for (const ChartSeries& series : chart.views.front().series) {
        std::vector<SvgPoint> outline;
        for (std::size_t r = 0; r < below.size(); ++r) {
            const std::uint64_t above = below[r] + series.units[r];
            outline.push_back(
                {plot.x(in_seconds(chart.times[r])), plot.y(static_cast<double>(above))});
        }
        for (std::size_t r = below.size(); r-- > 0;) {
            outline.push_back(
                {plot.x(in_seconds(chart.times[r])), plot.y(static_cast<double>(below[r]))});
            below[r] += series.units[r];
        }
        page.area(outline, fills.of(series.name), series.name);
    }
}

void draw_legend(SvgPage& page, const Plot& plot, const DeviceChart& chart, Fills& fills) {
    constexpr std::size_t longest = 24;
    double y = plot.top + 6;
    page.text(legend_x, y, "at the peak", {.size = 11, .fill = svg_quiet_ink});
    for (const ChartSeries& series : chart.views.front().series) {
        y += 16;
        page.box({legend_x, y - 9, 10, 10}, fills.of(series.name));
        page.text(legend_x + 16, y, shortened(series.name, longest), {.size = 11});
        page.text(svg_width - svg_margin, y,
                  to_string(chart.device.unit * series.units[chart.peak_row]),
                  {.size = 11, .anchor = SvgAnchor::end});
    }
}

/// `found` is null for what only a holder told.
std::string words_of(const DeviceChart& chart, const DeviceFindings* found) {
    const std::string of = chart.device.total > Bytes()
                               ? fmt::format(" of {}", to_string(chart.device.total))
                               : std::string();
    if (found == nullptr) {
        return fmt::format("peak {}{} at {}; {}", to_string(chart.peak), of,
                           clock_text(in_seconds(chart.times[chart.peak_row])),
                           shortened(chart.device.description, 60));
    }
    return fmt::format("peak {}{} at {}; {}", to_string(found->peak), of,
                       clock_text(in_seconds(found->peak_at)),
                       "growth: " + growth_words(found->growth));
}

double draw_chart(SvgPage& page, const DeviceChart& chart, const DeviceFindings* found,
                  double seconds, Fills& fills, double y) {
    page.text(svg_margin, y, shortened(chart.device.name, 10), {.size = 15, .bold = true});
    page.text(plot_x, y, words_of(chart, found), {.size = 12, .fill = svg_quiet_ink});
    const double most = chart.peak.as_double() / chart.device.unit.as_double();
    const Plot plot{.top = y + 14, .seconds = seconds, .most = std::max(most * 1.06, 1.0)};
    draw_axes(page, plot, chart.device.unit);
    draw_areas(page, plot, chart, fills);
    page.dot({plot.x(in_seconds(chart.times[chart.peak_row])), plot.y(most)}, 4, "#b3261e",
             fmt::format("peak {}", to_string(chart.peak)));
    draw_legend(page, plot, chart, fills);
    return plot.top + plot_height + 48;
}

}  // namespace

std::string recording_svg(const WatchFindings& findings, const RecordingDrawing& drawing) {
    const std::string headline = watch_headline(findings);
    SvgPage page(svg_width, headline, headline);
    double y = svg_margin + 12;
    page.text(svg_margin, y, headline, {.size = 16, .bold = true});
    y += 36;
    const double seconds = std::max(in_seconds(findings.duration), 1e-3);
    Fills fills;
    for (const DeviceChart& chart : drawing.charts) {
        const auto found = std::find_if(
            findings.devices.begin(), findings.devices.end(),
            [&](const DeviceFindings& each) { return each.device.number == chart.device.number; });
        y = draw_chart(page, chart, found == findings.devices.end() ? nullptr : &*found, seconds,
                       fills, y);
    }
    for (const std::string& sentence : watch_sentences(findings)) {
        for (const std::string& line : wrap_text(sentence, 150)) {
            page.text(svg_margin, y, line, {.size = 12, .fill = svg_quiet_ink});
            y += 17;
        }
        y += 4;
    }
    return page.finish(y + svg_margin / 2);
}

}  // namespace hexcore
