#include "hexcore/report/recording_charts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "hexcore/report/recorded_names.hpp"

namespace hexcore {
namespace {

constexpr std::size_t most_rows_in_all = 32'000;
constexpr std::size_t most_parts_of_row = 64;

/// So wide that no device has more rows than it may.
std::chrono::microseconds bucket_for(const WatchFindings& findings, std::size_t rows_max) {
    std::uint64_t rows = 0;
    for (const DeviceFindings& found : findings.devices) {
        rows = std::max(rows, found.n_rows);
    }
    const std::uint64_t most =
        std::min(rows_max, most_rows_in_all / std::max<std::size_t>(findings.devices.size(), 1));
    if (rows <= most) {
        return {};
    }
    return findings.duration / static_cast<std::int64_t>(most) + std::chrono::microseconds(1);
}

/// "cc1plus" of "/usr/lib/cc1plus -quiet a.cpp".
std::string program_of(const std::string& command) {
    const std::string word = command.substr(0, command.find(' '));
    return word.substr(word.rfind('/') + 1);
}

std::string process_name(std::uint32_t pid, const std::string& command) {
    return fmt::format("{} ({})", command_name(command), pid);
}

bool few(const std::vector<std::string>& names) {
    std::set<std::string> distinct(names.begin(), names.end());
    distinct.erase("");
    return distinct.size() <= chart_series_max;
}

/// The `count` names with the largest values at any one time, the largest first.
std::vector<std::string> largest(const std::map<std::string, std::uint64_t>& most,
                                 std::size_t count) {
    std::vector<std::pair<std::string, std::uint64_t>> order(most.begin(), most.end());
    std::stable_sort(order.begin(), order.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    order.resize(std::min(order.size(), count));
    std::vector<std::string> names;
    for (auto& [name, units] : order) {
        if (units > 0) {
            names.push_back(name);
        }
    }
    return names;
}

/// What there is of the host may be what a control group allows it.
void add_limits(std::vector<DeviceChart>& charts) {
    const auto limited = std::find_if(charts.begin(), charts.end(), [](const DeviceChart& chart) {
        return chart.device.kind == RecordedKind::cgroup;
    });
    for (DeviceChart& chart : charts) {
        const bool is_limited = chart.device.kind != RecordedKind::gpu && limited != charts.end() &&
                                chart.device.total == limited->device.total;
        if (chart.device.total > Bytes()) {
            chart.limits.push_back({is_limited ? "limit" : "size", chart.device.total});
        }
    }
}

}  // namespace

RecordingCharts::RecordingCharts(const WatchFindings& findings, std::size_t rows_max)
    : duration_(findings.duration),
      thinning_([this](const RecordedRow& row) { keep(row); }),
      holdings_(findings.duration, rows_max),
      labels_(findings.duration) {
    thinning_.set_bucket(bucket_for(findings, rows_max));
}

void RecordingCharts::run(const RecordedRun& /*run*/) {}
void RecordingCharts::thinned(RecordedTime /*from*/, std::chrono::microseconds /*bucket*/) {}
void RecordingCharts::end(const RecordedEnd& /*end*/) {}

void RecordingCharts::device(const RecordedDevice& device) { devices_.push_back({device, {}}); }

void RecordingCharts::row(const RecordedRow& row) {
    if (row.time <= duration_) {
        thinning_.add(row);
        holdings_.lives(row);
        labels_.row(row);
    }
}

void RecordingCharts::amounts(const RecordedAmounts& amounts) { holdings_.amounts(amounts); }
void RecordingCharts::event(const RecordedEvent& event) { sites_.event(event); }
void RecordingCharts::site(const RecordedSiteSum& sum) { sites_.site(sum); }
void RecordingCharts::label(const RecordedLabel& label) { labels_.label(label); }
void RecordingCharts::label_sum(const RecordedLabelSum& sum) { labels_.label_sum(sum); }
void RecordingCharts::mark(const RecordedMark& mark) { labels_.mark(mark); }

std::uint32_t RecordingCharts::index_of(const RecordedProcess& process) {
    const auto [at, is_new] = index_.try_emplace(Who(process.pid, process.command),
                                                 static_cast<std::uint32_t>(who_.size()));
    if (is_new) {
        who_.push_back(at->first);
    }
    return at->second;
}

void RecordingCharts::keep(const RecordedRow& row) {
    const auto device = std::find_if(devices_.begin(), devices_.end(), [&](const Device& each) {
        return each.device.number == row.device;
    });
    if (device == devices_.end()) {
        return;
    }
    const std::uint64_t unit = std::max<std::uint64_t>(device->device.unit.count(), 1);
    Row kept{row.time, row.total().count() / unit, row.others.count() / unit, {}};
    std::vector<const RecordedPart*> parts;
    for (const RecordedPart& part : row.parts) {
        parts.push_back(&part);
    }
    const auto end =
        parts.begin() + static_cast<std::ptrdiff_t>(std::min(most_parts_of_row, parts.size()));
    std::partial_sort(
        parts.begin(), end, parts.end(),
        [](const RecordedPart* a, const RecordedPart* b) { return a->bytes > b->bytes; });
    for (auto part = parts.begin(); part != end; ++part) {
        kept.parts.push_back({index_of(*(*part)->process), (*part)->bytes.count() / unit});
    }
    device->tells_processes = device->tells_processes || !row.parts.empty();
    device->rows.push_back(std::move(kept));
}

/// The name of each process's series: its own, its command's or its program's.
std::vector<std::string> RecordingCharts::names_for(const Device& device) const {
    std::vector<std::string> processes(who_.size());
    std::vector<std::string> commands(who_.size());
    std::vector<std::string> programs(who_.size());
    for (const Row& row : device.rows) {
        for (const Part& part : row.parts) {
            if (part.units > 0 && processes[part.who].empty()) {
                const auto& [pid, command] = who_[part.who];
                processes[part.who] = process_name(pid, command);
                commands[part.who] = command_name(command);
                programs[part.who] = command_name(program_of(command));
            }
        }
    }
    return few(processes) ? processes : few(commands) ? commands : programs;
}

/// The largest series, all zero, and which of them each name is.
std::map<std::string, std::size_t> RecordingCharts::add_series(
    ChartView& view, const Device& device, const std::vector<std::string>& names) {
    std::map<std::string, std::uint64_t> most;
    for (const Row& row : device.rows) {
        std::map<std::string, std::uint64_t> sums;
        for (const Part& part : row.parts) {
            sums[names[part.who]] += part.units;
        }
        for (const auto& [name, units] : sums) {
            most[name] = std::max(most[name], units);
        }
    }
    std::map<std::string, std::size_t> series;
    const bool has_other_programs =
        std::any_of(device.rows.begin(), device.rows.end(),
                    [&](const Row& row) { return device.is_shared() && row.unwatched > 0; });
    for (const std::string& name : largest(most, series_max(has_other_programs))) {
        series.emplace(name, view.series.size());
        view.series.push_back({name, std::vector<std::uint64_t>(device.rows.size())});
    }
    return series;
}

void RecordingCharts::set_peak(DeviceChart& chart, const Device& device,
                               const std::vector<std::string>& names) const {
    const auto largest_row =
        std::max_element(device.rows.begin(), device.rows.end(),
                         [](const Row& a, const Row& b) { return a.units < b.units; });
    if (largest_row == device.rows.end()) {
        return;
    }
    chart.peak_row = static_cast<std::size_t>(largest_row - device.rows.begin());
    chart.peak = chart.device.unit * largest_row->units;
    const auto series_of = [&](const std::string& name) {
        const std::vector<ChartSeries>& shown_series = chart.views.front().series;
        const bool is_shown =
            std::any_of(shown_series.begin(), shown_series.end(),
                        [&](const ChartSeries& series) { return series.name == name; });
        return is_shown ? name : std::string(all_others);
    };
    const std::uint64_t unwatched = chart.unwatched.empty() ? 0 : chart.unwatched[chart.peak_row];
    std::uint64_t rest = largest_row->units - unwatched;
    for (const Part& part : largest_row->parts) {
        const auto& [pid, command] = who_[part.who];
        chart.peak_parts.push_back({process_name(pid, command), series_of(names[part.who]),
                                    chart.device.unit * part.units});
        rest -= part.units;
    }
    const auto add = [&](std::string_view name, std::uint64_t units) {
        if (units > 0) {
            chart.peak_parts.push_back(
                {std::string(name), std::string(name), chart.device.unit * units});
        }
    };
    add(all_others, rest);
    add(other_programs, unwatched);
}

DeviceChart RecordingCharts::chart_of(const Device& device) const {
    DeviceChart chart;
    chart.device = device.device;
    const std::vector<std::string> names = names_for(device);
    ChartView view{"process", {}};
    const auto series = add_series(view, device, names);
    ChartSeries others{std::string(all_others), {}};
    for (std::size_t r = 0; r < device.rows.size(); ++r) {
        const Row& row = device.rows[r];
        chart.times.push_back(row.time);
        std::uint64_t rest = row.units;
        if (device.is_shared()) {
            chart.unwatched.push_back(row.unwatched);
            rest -= row.unwatched;
        }
        for (const Part& part : row.parts) {
            if (const auto found = series.find(names[part.who]); found != series.end()) {
                view.series[found->second].units[r] += part.units;
                rest -= part.units;
            }
        }
        others.units.push_back(rest);
    }
    if (has_any(others.units) || view.series.empty()) {
        view.series.push_back(std::move(others));
    }
    if (has_any(chart.unwatched)) {
        view.series.push_back({std::string(other_programs), chart.unwatched});
    }
    chart.views.push_back(std::move(view));
    set_peak(chart, device, names);
    return chart;
}

RecordingDrawing RecordingCharts::finish() {
    thinning_.flush();
    RecordingDrawing drawing;
    for (const Device& device : devices_) {
        drawing.charts.push_back(chart_of(device));
    }
    std::stable_partition(
        drawing.charts.begin(), drawing.charts.end(),
        [](const DeviceChart& chart) { return chart.device.kind == RecordedKind::gpu; });
    add_limits(drawing.charts);
    holdings_.add_to(drawing.charts);
    std::erase_if(drawing.charts, [](const DeviceChart& chart) { return chart.peak == Bytes(); });
    drawing.labels = labels_.finish(duration_);
    drawing.sites = sites_.largest();
    drawing.stacks = sites_.stacks();
    return drawing;
}

}  // namespace hexcore
