#include "hexcore/report/recording_labels.hpp"

#include <algorithm>

#include "hexcore/report/recorded_names.hpp"

namespace hexcore {
namespace {

constexpr std::size_t most_bands = 3000;
constexpr std::size_t most_marks = 1000;
constexpr std::size_t most_label_names = 500;
constexpr std::size_t most_lanes = 16;
constexpr std::size_t most_open = 64;

}  // namespace

std::uint32_t RecordingLabels::name_of(const TextRef& text) {
    const std::string name = names_.size() < most_label_names && text
                                 ? shortened(text->text, recorded_name_max)
                                 : "all others";
    const auto [at, is_new] =
        names_.try_emplace(name, static_cast<std::uint32_t>(times_.names.size()));
    if (is_new) {
        times_.names.push_back(name);
        totals_.push_back({.name = name});
    }
    return at->second;
}

std::uint64_t& RecordingLabels::count_of(const ProcessRef& process, const TextRef& text) {
    return counts_[{process ? process->number : 0, text ? text->number : 0}];
}

void RecordingLabels::label(const RecordedLabel& label) {
    const Thread thread(label.process ? label.process->number : 0, label.thread);
    const auto [at, is_new] = lanes_.try_emplace(thread);
    Lane& lane = at->second;
    if (is_new) {
        lane.number = static_cast<std::uint32_t>(lanes_.size() - 1);
    }
    if (label.edge == LabelEdge::begin) {
        const std::uint32_t name = name_of(label.name);
        ++totals_[name].count;
        ++count_of(label.process, label.name);
        if (lane.open.size() < most_open) {
            lane.open.push_back({name, label.time});
            peaks_.begin(label.time, name);
        }
    } else if (!lane.open.empty()) {
        close(lane, label.time);
    }
}

void RecordingLabels::close(Lane& lane, RecordedTime end) {
    const Open open = lane.open.back();
    lane.open.pop_back();
    const auto length = std::max(end - open.from, RecordedTime{});
    totals_[open.name].took += length;
    peaks_.end(end, open.name);
    if (lane.number >= most_lanes) {
        return;
    }
    times_.bands.push_back({.lane = lane.number,
                            .depth = static_cast<std::uint32_t>(lane.open.size()),
                            .name = open.name,
                            .from = open.from,
                            .length = length});
    if (times_.bands.size() >= 2 * most_bands) {
        keep_longest(most_bands);
    }
}

void RecordingLabels::keep_longest(std::size_t most) {
    if (times_.bands.size() <= most) {
        return;
    }
    const auto end = times_.bands.begin() + static_cast<std::ptrdiff_t>(most);
    std::nth_element(times_.bands.begin(), end, times_.bands.end(),
                     [](const LabelBand& a, const LabelBand& b) { return a.length > b.length; });
    times_.bands.erase(end, times_.bands.end());
}

void RecordingLabels::label_sum(const RecordedLabelSum& sum) {
    std::uint64_t& count = count_of(sum.process, sum.name);
    if (sum.count > count) {
        totals_[name_of(sum.name)].count += sum.count - count;
        count = sum.count;
    }
}

void RecordingLabels::mark(const RecordedMark& mark) {
    if (times_.marks.size() < most_marks && mark.name) {
        times_.marks.push_back({mark.time, shortened(mark.name->text, recorded_name_max)});
    }
}

LabelTimes RecordingLabels::finish(RecordedTime end) {
    for (auto& [thread, lane] : lanes_) {
        while (!lane.open.empty()) {
            close(lane, end);
        }
    }
    keep_longest(most_bands);
    std::sort(times_.bands.begin(), times_.bands.end(), [](const LabelBand& a, const LabelBand& b) {
        return a.from != b.from ? a.from < b.from : a.depth < b.depth;
    });
    std::vector<LabelMost> most = peaks_.most(totals_.size());
    for (std::size_t name = 0; name < totals_.size(); ++name) {
        totals_[name].most = std::move(most[name]);
    }
    times_.totals = totals_;
    std::stable_sort(times_.totals.begin(), times_.totals.end(),
                     [](const LabelTotal& a, const LabelTotal& b) { return a.took > b.took; });
    return std::move(times_);
}

}  // namespace hexcore
