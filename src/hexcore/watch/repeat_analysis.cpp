#include "hexcore/watch/repeat_analysis.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>

namespace hexcore {
namespace {

constexpr std::size_t most_works = 32;

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

/// Forgets the label that came once only, longest ago.
bool RepeatAnalysis::make_room() {
    if (works_.size() < most_works) {
        return true;
    }
    const auto least =
        std::min_element(works_.begin(), works_.end(), [&](const auto& a, const auto& b) {
            return std::tuple(is_asked(*a), a->repeats() != 1, a->last()) <
                   std::tuple(is_asked(*b), b->repeats() != 1, b->last());
        });
    if (is_asked(**least) || (*least)->repeats() != 1) {
        return false;
    }
    works_.erase(least);
    return true;
}

RepeatedWork* RepeatAnalysis::find(const RecordedLabel& label) {
    const auto found = std::find_if(works_.begin(), works_.end(), [&](const auto& work) {
        return work->process()->number == label.process->number &&
               work->label()->number == label.name->number;
    });
    return found == works_.end() ? nullptr : found->get();
}

RepeatedWork* RepeatAnalysis::find_or_make(const RecordedLabel& label) {
    RepeatedWork* work = find(label);
    if (work == nullptr && make_room()) {
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
    std::vector<TextRef>& open = open_[{label.process->number, label.thread}];
    const bool begins = label.edge == LabelEdge::begin;
    if (begins) {
        open.push_back(label.name);
        if (RepeatedWork* work = find_or_make(label)) {
            work->begin(label.time);
        }
    }
    for_each_once(open, [&](const TextRef& around) {
        RecordedLabel outer = label;
        outer.name = around;
        if (RepeatedWork* work = find(outer)) {
            begins ? work->begin_inside(label.name) : work->end_inside(label.name);
        }
    });
    if (begins) {
        return;
    }
    const auto latest = std::find_if(open.rbegin(), open.rend(), [&](const TextRef& name) {
        return name->number == label.name->number;
    });
    if (latest != open.rend()) {
        open.erase(std::next(latest).base());
        if (RepeatedWork* work = find(label)) {
            work->end(label.time, told_bytes(label.process->number));
        }
    }
    if (open.empty()) {
        open_.erase({label.process->number, label.thread});
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
