#include "hexcore/watch/analysis.hpp"

#include <algorithm>
#include <utility>

namespace hexcore {
namespace {

constexpr std::size_t most_parts = 8;
constexpr std::size_t most_processes = 64;

bool holds_more(const RecordedPart* a, const RecordedPart* b) {
    return a->bytes != b->bytes ? a->bytes > b->bytes : a->process->number < b->process->number;
}

void set_parts(DeviceFindings& found, const RecordedRow& row) {
    std::vector<const RecordedPart*> parts;
    parts.reserve(row.parts.size());
    for (const RecordedPart& part : row.parts) {
        parts.push_back(&part);
    }
    const auto end =
        parts.begin() + static_cast<std::ptrdiff_t>(std::min(most_parts, parts.size()));
    std::partial_sort(parts.begin(), end, parts.end(), holds_more);
    parts.erase(end, parts.end());
    found.parts.resize(parts.size());
    Bytes listed;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const RecordedPart& part = *parts[i];
        found.parts[i].pid = part.process->pid;
        found.parts[i].command = part.process->command;
        found.parts[i].bytes = part.bytes;
        listed += part.bytes;
    }
    found.others = found.peak - listed;
    found.of_processes = row.total() - row.others;
}

void keep_largest(std::vector<ProcessFindings>& processes) {
    std::sort(processes.begin(), processes.end(), [](const auto& a, const auto& b) {
        return a.peak.bytes != b.peak.bytes ? a.peak.bytes > b.peak.bytes : a.number < b.number;
    });
    processes.resize(std::min(processes.size(), most_processes));
}

/// Growth with each repeat of a label says more than growth with time.
void go_by_repeats(DeviceFindings& found, const std::vector<RepeatFindings>& repeats) {
    for (const RepeatFindings& repeated : repeats) {
        for (const RepeatsOnDevice& on : repeated.devices) {
            const Judgement& judged = on.judgement;
            if (on.device == found.device.name && is_growth(judged.verdict) &&
                judged.bytes_per_repeat > found.growth.bytes_per_repeat) {
                found.growth.verdict = judged.verdict;
                found.growth.why.clear();
                found.growth.label = repeated.label;
                found.growth.bytes_per_repeat = judged.bytes_per_repeat;
            }
        }
    }
}

}  // namespace

Bytes DeviceFindings::budget() const {
    constexpr Bytes finest = 1_MiB;
    constexpr std::uint64_t steps = 32;  // to a power of two
    Bytes power = finest * steps;
    while (power * 2 <= peak) {
        power *= 2;
    }
    return round_up(peak, Bytes(power.count() / steps));
}

Bytes DeviceFindings::outside_holdings() const {
    Bytes told;
    for (const FoundHolding& holding : holdings) {
        told += holding.bytes;
    }
    const bool shared = device.kind == RecordedKind::gpu && of_processes > Bytes();
    return saturating_subtract(shared ? of_processes : peak, told);
}

void Analysis::run(const RecordedRun& run) { found_.run = run; }

void Analysis::device(const RecordedDevice& device) {
    repeats_.device(device);
    devices_.emplace_back();
    devices_.back().findings.device = device;
}

void Analysis::thinned(RecordedTime /*from*/, std::chrono::microseconds bucket) {
    found_.thinned = std::max(found_.thinned, bucket);
}

void Analysis::row(const RecordedRow& row) {
    const auto device = std::find_if(devices_.begin(), devices_.end(), [&](const Device& each) {
        return each.findings.device.number == row.device;
    });
    if (device == devices_.end()) {
        return;
    }
    DeviceFindings& found = device->findings;
    if (found.device.kind == RecordedKind::gpu && !row.parts.empty() && !device->tells_processes) {
        device->tells_processes = true;
        device->series = {};
    }
    // On a card that others use, too, what they take is no growth of what is watched.
    std::optional<RecordedRow> without_others;
    if (device->tells_processes) {
        without_others.emplace(row).others = {};
    }
    const RecordedRow& own = without_others ? *without_others : row;
    repeats_.row(own);
    found_.duration = std::max(found_.duration, row.time);
    const Bytes total = row.total();
    ++found.n_rows;
    if (total > found.peak) {
        found.peak = total;
        found.peak_at = row.time;
        found.peak_sampled = row.sampled;
        set_parts(found, row);
        device->peak_label = told_.label_at(row);
        found.holdings = told_.held_of(found.device);
    }
    if (row.free && (!found.least_free || *row.free < *found.least_free)) {
        found.least_free = row.free;
        found.least_free_at = row.time;
    }
    if (row.sampled) {
        device->series.add(row.time, own.total());
    }
    if (found.device.kind == RecordedKind::host) {
        follow_processes(row);
    }
}

void Analysis::follow_processes(const RecordedRow& row) {
    still_.clear();
    auto old = living_.begin();
    for (const RecordedPart& part : row.parts) {
        for (; old != living_.end() && old->number < part.process->number; ++old) {
            forget(std::move(*old));
        }
        if (old != living_.end() && old->number == part.process->number) {
            still_.push_back(std::move(*old++));
        } else {
            still_.push_back({part.process->number, {}, row.time, row.time});
        }
        ProcessFindings& process = still_.back();
        process.last = row.time;
        process.peak.pid = part.process->pid;
        process.peak.bytes = std::max(process.peak.bytes, part.bytes);
        if (process.peak.command != part.process->command) {
            process.peak.command = part.process->command;
        }
    }
    for (; old != living_.end(); ++old) {
        forget(std::move(*old));
    }
    living_.swap(still_);
}

void Analysis::forget(ProcessFindings process) {
    ended_.push_back(std::move(process));
    if (ended_.size() >= 2 * most_processes) {
        keep_largest(ended_);
    }
}

void Analysis::amounts(const RecordedAmounts& amounts) {
    told_.amounts(amounts);
    repeats_.amounts(amounts);
}

void Analysis::label(const RecordedLabel& label) {
    told_.label(label);
    repeats_.label(label);
}

void Analysis::lost(const RecordedLoss& loss) {
    told_.lost(loss);
    repeats_.lost(loss);
}

void Analysis::counted_once(const RecordedCountedOnce& counted) {
    if (!found_.counted_once) {
        found_.counted_once.emplace();
    }
    ++found_.counted_once->n_looks;
    if (counted.once >= found_.counted_once->most.once) {
        found_.counted_once->most = counted;
    }
}

void Analysis::end(const RecordedEnd& end) {
    found_.end = end;
    found_.duration = std::max(found_.duration, end.time);
    for (Device& device : devices_) {
        DeviceFindings& found = device.findings;
        if (found.device.kind == RecordedKind::host && end.largest_process > found.peak) {
            found.peak = end.largest_process;
            found.peak_at = end.time;
            found.peak_sampled = false;
            found.parts.clear();
            found.holdings.clear();
            device.peak_label.reset();
            found.others = found.peak;
        }
    }
}

WatchFindings Analysis::findings() const {
    WatchFindings result = found_;
    result.repeats = repeats_.findings();
    for (const Device& device : devices_) {
        result.devices.push_back(device.findings);
        result.devices.back().growth = device.series.judge();
        go_by_repeats(result.devices.back(), result.repeats);
        if (device.peak_label) {
            result.devices.back().peak_label = told_.text_of(*device.peak_label);
        }
    }
    result.processes = ended_;
    result.processes.insert(result.processes.end(), living_.begin(), living_.end());
    keep_largest(result.processes);
    told_.add_to(result);
    return result;
}

}  // namespace hexcore
