#include "hexcore/watch/told_analysis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace hexcore {
namespace {

// More are not kept.
constexpr std::size_t labels_max = 4096;
constexpr std::size_t threads_max = 4096;
constexpr std::size_t depth_max = 64;
constexpr std::size_t marks_max = 1000;
constexpr std::size_t labels_told_max = 64;
constexpr std::size_t holders_told_max = 64;

/// A holder names main memory as it likes: `host0`, `host memory`.
bool is_of(const FoundHolder& holder, const RecordedDevice& device) {
    return holder.device == device.name ||
           (device.kind == RecordedKind::host &&
            (std::string_view(holder.device).starts_with("host") || holder.device == "cpu"));
}

Bytes bytes_of(std::uint64_t process, const RecordedRow& row) {
    for (const RecordedPart& part : row.parts) {
        if (part.process->number == process) {
            return part.bytes;
        }
    }
    return {};
}

}  // namespace

void ToldAnalysis::amounts(const RecordedAmounts& amounts) {
    const RecordedHolder& told = *amounts.holder;
    Holder& holder = holders_[told.number];
    FoundHolder& found = holder.found;
    if (found.peak == Bytes() && found.device.empty()) {
        found = {told.process->pid, told.kind, told.device, told.total, {}, {}, {}};
    }
    holder.now = amounts.amounts;
    found.last = amounts.total();
    if (found.last > found.peak) {
        found.peak = found.last;
        found.peak_at = amounts.time;
    }
}

FoundLabel* ToldAnalysis::find_label(const ProcessRef& process, const TextRef& name,
                                     RecordedTime time) {
    const LabelKey key{process->number, name->number};
    auto found = labels_.find(key);
    if (found == labels_.end()) {
        if (labels_.size() >= labels_max) {
            return nullptr;
        }
        found = labels_.emplace(key, FoundLabel{process->pid, name->text, 0, time, time}).first;
    }
    found->second.last = time;
    return &found->second;
}

void ToldAnalysis::label(const RecordedLabel& label) {
    const Thread thread{label.process->number, label.thread};
    if (label.edge == LabelEdge::end) {
        const auto open = open_.find(thread);
        if (open != open_.end()) {
            open->second.pop_back();
            if (open->second.empty()) {
                open_.erase(open);
            }
        }
        return;
    }
    FoundLabel* found = find_label(label.process, label.name, label.time);
    const std::uint64_t count = found == nullptr ? 0 : ++found->count;
    if (open_.size() < threads_max || open_.contains(thread)) {
        auto& open = open_[thread];
        if (open.size() < depth_max) {
            open.push_back({{label.process->number, label.name, count}, label.time});
        }
    }
}

void ToldAnalysis::label_sum(const RecordedLabelSum& sum) {
    if (FoundLabel* found = find_label(sum.process, sum.name, sum.last)) {
        found->count = std::max(found->count, sum.count);
    }
}

void ToldAnalysis::mark(const RecordedMark& mark) {
    if (marks_.size() < marks_max) {
        marks_.push_back({mark.time, mark.process->pid, mark.name->text});
    }
}

std::optional<LabelMoment> ToldAnalysis::label_at(const RecordedRow& row) const {
    const OpenLabel* best = nullptr;
    Bytes most;
    for (const auto& [thread, open] : open_) {
        const OpenLabel& innermost = open.back();
        const Bytes bytes = bytes_of(thread.first, row);
        const bool is_better =
            best == nullptr || bytes > most || (bytes == most && innermost.from > best->from);
        if (is_better) {
            best = &innermost;
            most = bytes;
        }
    }
    return best == nullptr ? std::nullopt : std::optional(best->moment);
}

std::vector<FoundHolding> ToldAnalysis::held_of(const RecordedDevice& device) const {
    std::vector<FoundHolding> held;
    for (const auto& [number, holder] : holders_) {
        if (!is_of(holder.found, device)) {
            continue;
        }
        const HolderKind kind = holder.found.kind;
        for (const RecordedAmount& amount : holder.now) {
            const auto same = std::find_if(held.begin(), held.end(), [&](const auto& each) {
                return each.kind == kind && each.name == amount.name->text;
            });
            if (same != held.end()) {
                same->bytes += amount.bytes;
            } else if (amount.bytes > Bytes()) {
                held.push_back({kind, amount.name->text, amount.bytes});
            }
        }
    }
    std::stable_sort(held.begin(), held.end(),
                     [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
    return held;
}

std::string ToldAnalysis::text_of(const LabelMoment& moment) const {
    const auto found = labels_.find({moment.process, moment.name->number});
    const bool came_again = found != labels_.end() && found->second.count > 1;
    return came_again && moment.count > 0 ? fmt::format("{} {}", moment.name->text, moment.count)
                                          : moment.name->text;
}

void ToldAnalysis::add_to(WatchFindings& findings) const {
    findings.marks = marks_;
    for (const auto& [key, label] : labels_) {
        findings.labels.push_back(label);
    }
    std::stable_sort(findings.labels.begin(), findings.labels.end(),
                     [](const auto& a, const auto& b) { return a.count > b.count; });
    findings.labels.resize(std::min(findings.labels.size(), labels_told_max));
    for (const auto& [number, holder] : holders_) {
        findings.holders.push_back(holder.found);
    }
    std::stable_sort(findings.holders.begin(), findings.holders.end(),
                     [](const auto& a, const auto& b) { return a.peak > b.peak; });
    findings.holders.resize(std::min(findings.holders.size(), holders_told_max));
    findings.lost_records = lost_;
}

}  // namespace hexcore
