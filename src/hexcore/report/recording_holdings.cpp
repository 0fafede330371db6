#include "hexcore/report/recording_holdings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "hexcore/report/recorded_names.hpp"

namespace hexcore {
namespace {

constexpr std::size_t most_amounts = 2'000'000;
constexpr std::size_t most_holders = 64;
constexpr std::size_t most_holder_charts = 16;
constexpr std::size_t most_purposes = 250;
constexpr std::size_t most_limits = 4;

/// Devices that Hexcore makes of main memory are named so.
bool is_main_memory(const std::string& device) { return device.starts_with("host"); }

bool is_of(const RecordedHolder& holder, const RecordedDevice& device) {
    return holder.device == device.name ||
           (device.kind == RecordedKind::host && is_main_memory(holder.device));
}

/// Outside of what the rest is.
std::string who_told(HolderKind kind) {
    switch (kind) {
        case HolderKind::ledger:
            return "Hexcore's devices";
        case HolderKind::program:
            return "what programs told";
        case HolderKind::pytorch:
        case HolderKind::cupy:
        case HolderKind::jax:
            return to_string(kind);
    }
    return "";
}

/// Puts what is beyond the `count` largest series into the last one, which has `rest` already.
void keep_largest(ChartView& view, std::size_t count, std::vector<std::uint64_t> rest,
                  const std::string& rest_name) {
    const auto most = [](const ChartSeries& series) {
        return series.units.empty() ? 0
                                    : *std::max_element(series.units.begin(), series.units.end());
    };
    std::stable_sort(view.series.begin(), view.series.end(),
                     [&](const ChartSeries& a, const ChartSeries& b) { return most(a) > most(b); });
    while (view.series.size() > count) {
        for (std::size_t r = 0; r < rest.size(); ++r) {
            rest[r] += view.series.back().units[r];
        }
        view.series.pop_back();
    }
    if (has_any(rest)) {
        view.series.push_back({rest_name, std::move(rest)});
    }
}

void set_peak(DeviceChart& chart) {
    std::vector<std::uint64_t> totals(chart.times.size());
    for (const ChartSeries& series : chart.views.front().series) {
        for (std::size_t r = 0; r < totals.size(); ++r) {
            totals[r] += series.units[r];
        }
    }
    // Of several the last: what memory is for is often known only a moment after it is taken.
    const auto largest = std::max_element(totals.rbegin(), totals.rend());
    if (largest == totals.rend()) {
        return;
    }
    chart.peak_row = static_cast<std::size_t>(totals.rend() - largest - 1);
    chart.peak = chart.device.unit * *largest;
    for (const ChartSeries& series : chart.views.front().series) {
        chart.peak_parts.push_back(
            {series.name, series.name, chart.device.unit * series.units[chart.peak_row]});
    }
}

}  // namespace

RecordingHoldings::RecordingHoldings(RecordedTime duration, std::size_t rows_max)
    : duration_(duration),
      // Two of each bucket are kept.
      bucket_(duration * 2 / static_cast<std::int64_t>(rows_max) + std::chrono::microseconds(1)) {}

std::uint32_t RecordingHoldings::name_of(const TextRef& text) {
    const std::string name =
        text && names_.size() < most_purposes ? hexcore::name_of(text) : std::string(all_others);
    const auto [at, is_new] =
        name_numbers_.try_emplace(name, static_cast<std::uint32_t>(names_.size()));
    if (is_new) {
        names_.push_back(name);
    }
    return at->second;
}

void RecordingHoldings::lives(const RecordedRow& row) {
    for (const RecordedPart& part : row.parts) {
        RecordedTime& last = last_seen_[part.process->number];
        last = std::max(last, row.time);
    }
}

void RecordingHoldings::amounts(const RecordedAmounts& amounts) {
    const bool is_known = holders_.contains(amounts.holder->number);
    if (n_amounts_ > most_amounts || amounts.time > duration_ ||
        (!is_known && holders_.size() >= most_holders)) {
        return;
    }
    Holder& holder = holders_[amounts.holder->number];
    holder.holder = amounts.holder;
    Moment moment{amounts.time, amounts.total().count(), {}};
    for (const RecordedAmount& amount : amounts.amounts) {
        moment.amounts.emplace_back(name_of(amount.name), amount.bytes.count());
    }
    n_amounts_ += moment.amounts.size() + 1;
    keep(holder, std::move(moment));
}

void RecordingHoldings::keep(Holder& holder, Moment moment) const {
    std::vector<Moment>& moments = holder.moments;
    if (moments.empty() || moments.back().time / bucket_ != moment.time / bucket_) {
        holder.in_bucket = 0;
    }
    const Moment* largest =
        holder.in_bucket > 0 ? &moments[moments.size() - holder.in_bucket] : nullptr;
    const std::size_t replaced = largest == nullptr               ? 0
                                 : moment.total >= largest->total ? holder.in_bucket
                                                                  : holder.in_bucket - 1;
    moments.resize(moments.size() - replaced);
    moments.push_back(std::move(moment));
    holder.in_bucket += 1 - replaced;
}

const RecordingHoldings::Moment* RecordingHoldings::moment_at(const Holder& holder,
                                                              RecordedTime time) const {
    const auto seen = last_seen_.find(holder.holder->process ? holder.holder->process->number : 0);
    if (seen != last_seen_.end() && time > seen->second) {
        return nullptr;
    }
    const auto after =
        std::upper_bound(holder.moments.begin(), holder.moments.end(), time,
                         [](RecordedTime now, const Moment& moment) { return now < moment.time; });
    return after == holder.moments.begin() ? nullptr : &*std::prev(after);
}

/// "experts" on a ledger's own chart, "host0: experts" on another's, "PyTorch cache", or as a
/// program names it.
std::string RecordingHoldings::series_name(const Holder& holder, std::uint32_t name,
                                           const std::string& device) const {
    if (holder.holder->kind == HolderKind::program) {
        return names_[name];
    }
    if (holder.holder->kind != HolderKind::ledger) {
        return fmt::format("{} {}", to_string(holder.holder->kind), names_[name]);
    }
    const std::string whose = shortened(holder.holder->device, recorded_name_max);
    return whose == device ? names_[name] : fmt::format("{}: {}", whose, names_[name]);
}

ChartView RecordingHoldings::view_of(const std::vector<const Holder*>& holders,
                                     const std::vector<RecordedTime>& times,
                                     const std::string& device) const {
    ChartView view{"purpose", {}};
    std::map<std::string, std::size_t> numbers;
    for (const Holder* holder : holders) {
        for (std::size_t r = 0; r < times.size(); ++r) {
            const Moment* moment = moment_at(*holder, times[r]);
            if (moment == nullptr) {
                continue;
            }
            for (const auto& [name, bytes] : moment->amounts) {
                const auto [at, is_new] = numbers.try_emplace(
                    view.series.size() < most_purposes ? series_name(*holder, name, device)
                                                       : std::string(all_others),
                    view.series.size());
                if (is_new) {
                    view.series.push_back({at->first, std::vector<std::uint64_t>(times.size())});
                }
                view.series[at->second].units[r] += bytes;
            }
        }
    }
    return view;
}

/// Of ledgers on the device itself; those that Hexcore makes of main memory have charts of their
/// own.
void RecordingHoldings::add_budgets(DeviceChart& chart, const std::vector<const Holder*>& holders) {
    for (const Holder* each : holders) {
        const RecordedHolder& holder = *each->holder;
        const bool is_told =
            std::any_of(chart.limits.begin(), chart.limits.end(),
                        [&](const ChartLimit& limit) { return limit.bytes == holder.total; });
        if (holder.kind == HolderKind::ledger && holder.device == chart.device.name &&
            holder.total > Bytes() && !is_told && chart.limits.size() < most_limits) {
            chart.limits.push_back({"budget", holder.total});
        }
    }
}

void RecordingHoldings::add_purposes(DeviceChart& chart) const {
    std::vector<const Holder*> holders;
    std::set<std::string> kinds;
    for (const auto& [number, holder] : holders_) {
        if (is_of(*holder.holder, chart.device)) {
            holders.push_back(&holder);
            kinds.insert(who_told(holder.holder->kind));
        }
    }
    ChartView view = view_of(holders, chart.times, chart.device.name);
    if (view.series.empty()) {
        return;
    }
    add_budgets(chart, holders);
    std::vector<std::uint64_t> rest(chart.times.size());
    for (const ChartSeries& series : chart.views.front().series) {
        for (std::size_t r = 0; r < rest.size(); ++r) {
            rest[r] += series.units[r];
        }
    }
    for (std::size_t r = 0; r < chart.unwatched.size(); ++r) {
        rest[r] -= chart.unwatched[r];
    }
    const std::uint64_t unit = chart.device.unit.count();
    for (ChartSeries& series : view.series) {
        for (std::size_t r = 0; r < rest.size(); ++r) {
            series.units[r] /= unit;
            // What is held but not resident is more than was in use.
            rest[r] -= std::min(rest[r], series.units[r]);
        }
    }
    keep_largest(view, series_max(has_any(chart.unwatched)), std::move(rest),
                 fmt::format("outside {}", fmt::join(kinds, " and ")));
    if (has_any(chart.unwatched)) {
        view.series.push_back({std::string(other_programs), chart.unwatched});
    }
    chart.views.push_back(std::move(view));
}

DeviceChart RecordingHoldings::chart_of(const Holder& holder) const {
    DeviceChart chart;
    const ProcessRef& process = holder.holder->process;
    chart.device = {
        .number = recorded_devices_max,
        .kind = is_main_memory(holder.holder->device) ? RecordedKind::host : RecordedKind::gpu,
        .name = holder.holder->device,
        .description = fmt::format(
            "held by {}",
            process ? fmt::format("{} ({})", shortened(process->command, recorded_name_max),
                                  process->pid)
                    : "a process"),
        .unit = Bytes(1),
        .total = holder.holder->total};
    if (holder.holder->total > Bytes()) {
        const bool is_budget = holder.holder->kind == HolderKind::ledger;
        chart.limits.push_back({is_budget ? "budget" : "size", holder.holder->total});
    }
    for (const Moment& moment : holder.moments) {
        chart.times.push_back(moment.time);
    }
    const auto seen = last_seen_.find(process ? process->number : 0);
    if (seen != last_seen_.end() && seen->second > chart.times.back()) {
        chart.times.push_back(seen->second);
    }
    chart.views.push_back(
        view_of({&holder}, chart.times, shortened(chart.device.name, recorded_name_max)));
    keep_largest(chart.views.front(), series_max(false),
                 std::vector<std::uint64_t>(chart.times.size()), std::string(all_others));
    set_peak(chart);
    return chart;
}

void RecordingHoldings::add_to(std::vector<DeviceChart>& charts) const {
    const std::size_t n_devices = charts.size();
    for (DeviceChart& chart : charts) {
        add_purposes(chart);
    }
    for (const auto& [number, holder] : holders_) {
        const std::string& name = holder.holder->device;
        const bool is_recorded =
            std::any_of(charts.begin(), charts.begin() + static_cast<std::ptrdiff_t>(n_devices),
                        [&](const DeviceChart& chart) { return chart.device.name == name; });
        if (!is_recorded && charts.size() < n_devices + most_holder_charts) {
            charts.push_back(chart_of(holder));
        }
    }
}

}  // namespace hexcore
