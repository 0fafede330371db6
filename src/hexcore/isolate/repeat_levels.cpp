#include "hexcore/isolate/repeat_levels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "hexcore/judge/exact.hpp"
#include "hexcore/judge/sampled.hpp"

namespace hexcore {
void RepeatLevels::add(const std::vector<MemoryLevel>& levels) {
    for (const MemoryLevel& level : levels) {
        auto same = std::ranges::find_if(series_, [&](const Series& series) {
            return series.device == level.device && series.basis == level.basis;
        });
        if (same == series_.end()) {
            series_.push_back({level.device, level.basis});
            same = std::prev(series_.end());
        }
        same->points.push_back({static_cast<double>(repeats_), level.bytes.as_double()});
    }
    repeats_ += 1;
}

Judgement RepeatLevels::judge(const Series& series) const {
    if (series.basis == MemoryLevel::Basis::exact) {
        ExactHistory history;
        for (const SeriesPoint& point : series.points) {
            history.levels.push_back(point.bytes);
        }
        return judge_exact(history);
    }
    Judgement judgement = judge_samples(series.points);
    if (judgement.verdict == Verdict::inconclusive && series.points.size() < repeats_ / 2) {
        judgement.why = fmt::format(
            "the ends of only {} of {} could be looked at, so quick are they; a program that calls "
            "watch_memory() of Hexcore's header tells them itself",
            series.points.size(), repeats_);
    }
    return judgement;
}

std::vector<DeviceGrowth> RepeatLevels::judge() const {
    std::vector<DeviceGrowth> growths;
    if (series_.empty() && repeats_ > 0) {
        growths.push_back({"host", judge(Series{})});
    }
    for (const Series& series : series_) {
        Judgement judgement = judge(series);
        const auto same = std::ranges::find(growths, series.device, &DeviceGrowth::device);
        if (same == growths.end()) {
            growths.push_back({series.device, std::move(judgement)});
        } else if (series.basis == MemoryLevel::Basis::exact
                       ? same->judgement.verdict != Verdict::leak ||
                             judgement.verdict == Verdict::leak
                       : judgement.verdict == Verdict::leak &&
                             same->judgement.verdict != Verdict::leak) {
            same->judgement = std::move(judgement);
        }
    }
    return growths;
}

std::vector<std::string> growth_notes(std::size_t tests, const std::vector<DeviceGrowth>& growths) {
    std::vector<std::string> notes;
    for (const auto& [device, judgement] : growths) {
        if (judgement.verdict == Verdict::leak) {
            notes.push_back(fmt::format(
                "in one process, {} tests left more of {} behind each time, {} a test: a leak that "
                "many of them share",
                tests, device, to_string(bytes_a_repeat(judgement))));
        } else if (judgement.verdict == Verdict::inconclusive) {
            notes.push_back(fmt::format(
                "whether {} grew from test to test in one process, {} tests do not say: {}", device,
                tests, judgement.why));
        } else {
            notes.push_back(fmt::format("in one process, {} did not grow from test to test ({})",
                                        device, to_string(judgement.verdict)));
        }
    }
    return notes;
}

Bytes bytes_a_repeat(const Judgement& judgement) {
    return Bytes(judgement.bytes_per_repeat > 0
                     ? static_cast<std::uint64_t>(std::llround(judgement.bytes_per_repeat))
                     : 0);
}

Bytes grown_over_repeats(const Judgement& judgement) {
    const double bytes = judgement.bytes_per_repeat * static_cast<double>(judgement.repeats);
    return Bytes(bytes > 0 ? static_cast<std::uint64_t>(std::llround(bytes)) : 0);
}

}  // namespace hexcore
