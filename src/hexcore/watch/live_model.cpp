#include "hexcore/watch/live_model.hpp"

#include <algorithm>
#include <utility>

#include "hexcore/recording/told_records.hpp"

namespace hexcore {
namespace {

/// More are no figures for people; a program may make up as many as it likes.
constexpr std::size_t most_labels = 4096;
constexpr std::size_t most_threads = 256;
constexpr std::size_t deepest = 64;

template <typename Each>
auto with_number(std::vector<Each>& all, std::uint64_t number) {
    return std::find_if(all.begin(), all.end(),
                        [number](const Each& each) { return each.number == number; });
}

void set(LivePart& part, Bytes bytes) {
    part.now = bytes;
    part.peak = std::max(part.peak, bytes);
}

}  // namespace

void LiveModel::run(const RecordedRun& run) {
    const std::lock_guard lock(mutex_);
    state_.run = run;
}

void LiveModel::device(const RecordedDevice& device) {
    const std::lock_guard lock(mutex_);
    state_.devices.push_back({.device = device});
    series_.emplace_back();
}

void LiveModel::row(const RecordedRow& row) {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < state_.devices.size(); ++i) {
        LiveDevice& device = state_.devices[i];
        if (device.device.number != row.device) {
            continue;
        }
        const Bytes total = row.total();
        state_.time = std::max(state_.time, row.time);
        device.history.add(row.time, total);
        series_[i].add(row.time, total);
        if (total > device.peak) {
            device.peak = total;
            device.peak_at = row.time;
        }
        if (!row.sampled) {  // that was between two samples, and is over
            continue;
        }
        device.now = total;
        device.free = row.free ? row.free : device.free;
        follow_processes(device, row);
    }
}

void LiveModel::follow_processes(LiveDevice& device, const RecordedRow& row) const {
    std::vector<LivePart> still;
    still.reserve(row.parts.size());
    auto known = device.processes.begin();
    for (const RecordedPart& part : row.parts) {  // both by rising number
        const std::uint64_t number = part.process->number;
        known = std::find_if(known, device.processes.end(),
                             [number](const LivePart& each) { return each.number >= number; });
        const bool is_known = known != device.processes.end() && known->number == number;
        still.push_back(is_known ? std::move(*known) : LivePart{.number = number});
        still.back().pid = part.process->pid;
        still.back().name = part.process->command;
        set(still.back(), part.bytes);
    }
    device.processes = std::move(still);
}

/// Only when somebody looks, and not each time: all pairs of means are looked at.
void LiveModel::judge() {
    constexpr RecordedTime least = std::chrono::seconds(2);
    if (state_.time - judged_ < std::max(least, state_.time / 100)) {
        return;
    }
    judged_ = state_.time;
    for (std::size_t i = 0; i < series_.size(); ++i) {
        state_.devices[i].growth = series_[i].judge();
    }
}

void LiveModel::end(const RecordedEnd& end) {
    const std::lock_guard lock(mutex_);
    state_.end = end;
    state_.time = std::max(state_.time, end.time);
    state_.labels.clear();
}

void LiveModel::amounts(const RecordedAmounts& amounts) {
    const std::lock_guard lock(mutex_);
    state_.time = std::max(state_.time, amounts.time);
    const RecordedHolder& who = *amounts.holder;
    auto holder = with_number(state_.holders, who.number);
    if (holder == state_.holders.end()) {
        holder = state_.holders.insert(holder, {.number = who.number,
                                                .pid = who.process ? who.process->pid : 0,
                                                .kind = to_string(who.kind),
                                                .device = who.device,
                                                .total = who.total});
    }
    std::vector<LivePart> purposes;
    for (const RecordedAmount& amount : amounts.amounts) {
        const std::string name = amount.name ? amount.name->text : "";
        const auto known = std::find_if(holder->purposes.begin(), holder->purposes.end(),
                                        [&](const LivePart& part) { return part.name == name; });
        purposes.push_back(known == holder->purposes.end()
                               ? LivePart{.number = who.number, .pid = holder->pid, .name = name}
                               : std::move(*known));
        set(purposes.back(), amount.bytes);
    }
    holder->purposes = std::move(purposes);
    holder->now = amounts.total();
    holder->peak = std::max(holder->peak, holder->now);
}

void LiveModel::label(const RecordedLabel& label) {
    const std::lock_guard lock(mutex_);
    state_.time = std::max(state_.time, label.time);
    if (!label.process || !label.name) {
        return;
    }
    auto thread = std::find_if(state_.labels.begin(), state_.labels.end(), [&](const auto& open) {
        return open.process == label.process->number && open.thread == label.thread;
    });
    if (label.edge == LabelEdge::end) {
        if (thread == state_.labels.end()) {
            return;
        }
        if (thread->deeper > 0) {
            --thread->deeper;
            return;
        }
        thread->names.pop_back();
        if (thread->names.empty()) {
            state_.labels.erase(thread);
        }
        return;
    }
    if (thread == state_.labels.end() && state_.labels.size() < most_threads) {
        thread = state_.labels.insert(
            thread,
            {.process = label.process->number, .pid = label.process->pid, .thread = label.thread});
    }
    const std::pair key(label.process->number, label.name->text);
    const bool is_counted = n_labels_.size() < most_labels || n_labels_.contains(key);
    const std::uint64_t count = is_counted ? ++n_labels_[key] : 0;
    if (thread == state_.labels.end()) {
        return;
    }
    if (thread->names.size() == deepest) {
        ++thread->deeper;
        return;
    }
    thread->names.push_back(label.name->text);
    thread->count = count;
}

void LiveModel::label_sum(const RecordedLabelSum& sum) {
    const std::lock_guard lock(mutex_);
    if (sum.process && sum.name && n_labels_.size() < most_labels) {
        n_labels_[{sum.process->number, sum.name->text}] = sum.count;
    }
}

void LiveModel::mark(const RecordedMark& mark) {
    const std::lock_guard lock(mutex_);
    state_.time = std::max(state_.time, mark.time);
    state_.last_mark = mark.name ? mark.name->text : "";
}

bool LiveModel::has_rows() const {
    const std::lock_guard lock(mutex_);
    return std::any_of(state_.devices.begin(), state_.devices.end(),
                       [](const LiveDevice& device) { return device.now > Bytes(); });
}

void LiveModel::set_mark() {
    const std::lock_guard lock(mutex_);
    state_.marked = state_.time;
    for (LiveDevice& device : state_.devices) {
        device.at_mark = device.now;
        for (LivePart& process : device.processes) {
            process.at_mark = process.now;
        }
    }
    for (LiveHolder& holder : state_.holders) {
        for (LivePart& purpose : holder.purposes) {
            purpose.at_mark = purpose.now;
        }
    }
}

void LiveModel::toggle_baseline() {
    const std::lock_guard lock(mutex_);
    state_.based = state_.based ? std::nullopt : std::optional(state_.time);
    for (LiveDevice& device : state_.devices) {
        device.baseline = state_.based ? device.now : Bytes();
    }
}

LiveState LiveModel::state() {
    const std::lock_guard lock(mutex_);
    judge();
    return state_;
}

}  // namespace hexcore
