#include "hexcore/watch/repeat_analysis.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>

namespace hexcore {
namespace {

constexpr std::size_t most_works = 32;
constexpr std::size_t deepest_open = 64;
constexpr std::size_t most_open_threads = 4096;

/// Each label once, however often it is open on the thread.
template <typename Visit>
void for_each_once(const std::vector<TextRef>& labels, Visit visit) {
    for (auto label = labels.begin(); label != labels.end(); ++label) {
        if (std::find(labels.begin(), label, *label) == label) {
            visit(*label);
        }
    }
}

}  // namespace

void RepeatAnalysis::device(const RecordedDevice& device) { devices_[device.number] = device; }

void RepeatAnalysis::row(const RecordedRow& row) {
    const auto device = devices_.find(row.device);
    if (!row.sampled || device == devices_.end() || device->second.kind == RecordedKind::cgroup) {
        return;
    }
    if (device->second.kind == RecordedKind::host) {
        last_row_ = row.time;
        living_.clear();
        std::transform(row.parts.begin(), row.parts.end(), std::back_inserter(living_),
                       [](const RecordedPart& part) { return part.process->number; });
    }
    for (const auto& work : works_) {
        work->row(device->second, row);
    }
}

void RepeatAnalysis::event(const RecordedEvent& event) {
    Exact& exact = exact_[event.site.holder->number];
    exact.process = event.site.holder->process->number;
    if (event.kind == EventKind::taken) {
        exact.bytes += event.bytes.as_double();
    } else if (event.kind == EventKind::released) {
        exact.bytes -= event.bytes.as_double();
    }
    for (const auto& work : works_) {
        if (work->process()->number == event.site.holder->process->number) {
            work->event(event);
        }
    }
}

void RepeatAnalysis::amounts(const RecordedAmounts& amounts) {
    if (exact_.contains(amounts.holder->number)) {
        return;  // its events say more
    }
    latest_[amounts.holder->number] = amounts;
    for (const auto& work : works_) {
        if (work->process()->number == amounts.holder->process->number) {
            work->amounts(amounts);
        }
    }
}

/// All that holders of the process tell to have.
double RepeatAnalysis::told_bytes(std::uint64_t process) const {
    double sum = 0;
    for (const auto& [holder, exact] : exact_) {
        sum += exact.process == process ? exact.bytes : 0;
    }
    for (const auto& [holder, amounts] : latest_) {
        if (amounts.holder->process->number == process && !exact_.contains(holder)) {
            sum += amounts.total().as_double();
        }
    }
    return sum;
}

void RepeatAnalysis::lost(const RecordedLoss& loss) {
    for (const auto& work : works_) {
        if (work->process()->number == loss.process->number) {
            work->lose_records();
        }
    }
}

void RepeatAnalysis::summed(RecordedTime /*from*/, SummedPart part) {
    is_summed_ = is_summed_ || part == SummedPart::events;
    for (const auto& work : works_) {
        if (is_summed_) {
            work->stop_books();
        }
    }
}

bool RepeatAnalysis::is_asked(const RepeatedWork& work) const {
    return asked_.contains(work.label()->text);
}

bool RepeatAnalysis::has_ended(const RepeatedWork& work) const {
    return work.last() < last_row_ &&
           !std::binary_search(living_.begin(), living_.end(), work.process()->number);
}

/// Forgets the label that came once only, longest ago; if there is none, one that repeated in a
/// process that has ended; and for one that is asked for any that is not.
bool RepeatAnalysis::make_room(const RecordedLabel& label) {
    if (works_.size() < most_works) {
        return true;
    }
    const auto worth = [&](const RepeatedWork& work) {
        return std::tuple(is_asked(work), work.repeats() != 1, !has_ended(work), work.last());
    };
    const auto least =
        std::min_element(works_.begin(), works_.end(),
                         [&](const auto& a, const auto& b) { return worth(*a) < worth(*b); });
    const bool may_go =
        (*least)->repeats() == 1 || has_ended(**least) || asked_.contains(label.name->text);
    if (is_asked(**least) || !may_go) {
        return false;
    }
    works_.erase(least);
    return true;
}

RepeatedWork* RepeatAnalysis::find(const RecordedProcess& process, const RecordedText& label) {
    const auto found = std::find_if(works_.begin(), works_.end(), [&](const auto& work) {
        return work->process()->number == process.number && work->label()->number == label.number;
    });
    return found == works_.end() ? nullptr : found->get();
}

RepeatedWork* RepeatAnalysis::find_or_make(const RecordedLabel& label) {
    RepeatedWork* work = find(*label.process, *label.name);
    if (work == nullptr && make_room(label)) {
        works_.push_back(std::make_unique<RepeatedWork>(label.process, label.name));
        work = works_.back().get();
        for (const auto& [holder, amounts] : latest_) {
            if (amounts.holder->process->number == label.process->number) {
                work->amounts(amounts);
            }
        }
        if (is_summed_) {
            work->stop_books();
        }
    }
    return work;
}

void RepeatAnalysis::label(const RecordedLabel& label) {
    label.edge == LabelEdge::begin ? begin(label) : end(label);
}

void RepeatAnalysis::begin(const RecordedLabel& label) {
    const Thread thread(label.process->number, label.thread);
    if (open_.size() >= most_open_threads && !open_.contains(thread)) {
        return;
    }
    OpenLabels& open = open_[thread];
    if (open.names.size() == deepest_open) {
        ++open.deeper;
        return;
    }
    open.names.push_back(label.name);
    if (RepeatedWork* work = find_or_make(label)) {
        work->begin(label.time);
    }
    for_each_once(open.names, [&](const TextRef& around) {
        if (RepeatedWork* work = find(*label.process, *around)) {
            work->begin_inside(label.name);
        }
    });
}

void RepeatAnalysis::end(const RecordedLabel& label) {
    const auto on_thread = open_.find({label.process->number, label.thread});
    if (on_thread == open_.end()) {
        return;
    }
    OpenLabels& open = on_thread->second;
    if (open.deeper > 0) {
        --open.deeper;
        return;
    }
    for_each_once(open.names, [&](const TextRef& around) {
        if (RepeatedWork* work = find(*label.process, *around)) {
            work->end_inside(label.name);
        }
    });
    const auto latest =
        std::find_if(open.names.rbegin(), open.names.rend(),
                     [&](const TextRef& name) { return name->number == label.name->number; });
    if (latest == open.names.rend()) {
        return;
    }
    open.names.erase(std::next(latest).base());
    if (RepeatedWork* work = find(*label.process, *label.name)) {
        work->end(label.time, told_bytes(label.process->number));
    }
    if (open.names.empty()) {
        open_.erase(on_thread);
    }
}

/// Whether samples cannot tell it from another label that repeats beside or around it.
bool RepeatAnalysis::is_of_another(
    const RepeatedWork& work, const std::string& device,
    const std::vector<std::map<std::string, Judgement>>& sampled) const {
    for (std::size_t i = 0; i < works_.size(); ++i) {
        const RepeatedWork& other = *works_[i];
        const auto found = sampled[i].find(device);
        if (&other != &work && other.process()->number == work.process()->number &&
            found != sampled[i].end() && found->second.verdict == Verdict::leak &&
            other.overlaps(work) && !work.contains(other)) {
            return true;
        }
    }
    return false;
}

std::vector<RepeatFindings> RepeatAnalysis::findings() const {
    std::vector<std::map<std::string, Judgement>> sampled;
    std::transform(works_.begin(), works_.end(), std::back_inserter(sampled),
                   [](const auto& work) { return work->sampled(); });
    std::vector<RepeatFindings> all;
    for (std::size_t i = 0; i < works_.size(); ++i) {
        const RepeatedWork& work = *works_[i];
        if (work.repeats() < 2 && !is_asked(work)) {
            continue;
        }
        std::map<std::string, Judgement> own = sampled[i];
        for (auto& [device, judgement] : own) {
            if (judgement.verdict == Verdict::leak && is_of_another(work, device, sampled)) {
                judgement.verdict = Verdict::inconclusive;
                judgement.why =
                    "the process grew, and samples cannot tell this label from others that "
                    "repeat with it; allocations that are told can, or a run with one of them";
            }
        }
        all.push_back(work.findings(own));
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const auto& a, const auto& b) { return a.open > b.open; });
    return all;
}

}  // namespace hexcore
