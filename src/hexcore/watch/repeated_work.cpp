#include "hexcore/watch/repeated_work.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "hexcore/judge/sampled.hpp"

namespace hexcore {
namespace {

constexpr std::size_t most_pending = 256;
constexpr std::size_t most_ends = 1024;
constexpr std::size_t most_sites = 16;
constexpr std::size_t most_nested = 4096;
// Amounts are recorded as a label ends, but not more often than each 10 ms.
constexpr std::chrono::milliseconds between_sums(20);

/// The device of `watch` that a holder's is part of.
std::string watched_device(const std::string& name) {
    return name.starts_with("host") ? "host" : name;
}

/// What holders tell of all devices: the sums of sites that leak, the verdict that weighs most.
void add_site(RepeatsOnDevice& found, const FoundSite& site) {
    const Judgement& judged = site.judged.judgement;
    Judgement& sum = found.judgement;
    if (found.sites.empty() || gravity_of(judged.verdict) > gravity_of(sum.verdict)) {
        const Judgement before = sum;
        sum = judged;
        if (!found.sites.empty() && before.verdict == judged.verdict) {
            sum = before;
        }
    } else if (judged.verdict == sum.verdict && judged.verdict == Verdict::leak) {
        sum.bytes_per_repeat += judged.bytes_per_repeat;
        sum.least_bytes += judged.least_bytes;
        sum.most_bytes += judged.most_bytes;
        sum.known_after = std::max(sum.known_after, judged.known_after);
    }
    const bool is_worth_a_line = judged.verdict != Verdict::none || site.judged.held_bytes > 0;
    if (is_worth_a_line && found.sites.size() < most_sites) {
        found.sites.push_back(site);
    }
}

/// Of one over ends that are further apart than the repeats.
SiteJudgement in_repeats(SiteJudgement judged, std::size_t repeats, std::size_t ends) {
    const double each =
        static_cast<double>(repeats) / static_cast<double>(std::max<std::size_t>(ends, 1));
    const auto in_all = [each](std::size_t count) {
        return static_cast<std::size_t>(std::llround(static_cast<double>(count) * each));
    };
    Judgement& judgement = judged.judgement;
    judgement.bytes_per_repeat /= each;
    judgement.least_bytes /= each;
    judgement.most_bytes /= each;
    judgement.warm_up = in_all(judgement.warm_up);
    judgement.repeats = in_all(judgement.repeats);
    judgement.known_after = in_all(judgement.known_after);
    return judged;
}

}  // namespace

int gravity_of(Verdict verdict) {
    switch (verdict) {
        case Verdict::leak:
        case Verdict::growing:
            return 5;
        case Verdict::driver:
            return 4;
        case Verdict::inconclusive:
            return 3;
        case Verdict::pool:
            return 2;
        case Verdict::cache:
            return 1;
        case Verdict::none:
            return 0;
    }
    return 0;
}

void add_samples(std::vector<RepeatsOnDevice>& devices, const SampledJudgement& sampled) {
    const auto found = std::find_if(devices.begin(), devices.end(), [&](const RepeatsOnDevice& on) {
        return on.device == sampled.device;
    });
    if (found == devices.end()) {
        devices.push_back({sampled.device, false, sampled.judgement, {}});
    } else if (sampled.judgement.verdict == Verdict::leak && !is_growth(found->judgement.verdict)) {
        found->exact = false;
        found->judgement = sampled.judgement;
        if (sampled.kind == SampledBy::gpu) {
            found->judgement.verdict = Verdict::driver;
        }
    }
}

Verdict RepeatFindings::verdict() const {
    Verdict worst = devices.empty() ? Verdict::inconclusive : Verdict::none;
    for (const RepeatsOnDevice& device : devices) {
        if (gravity_of(device.judgement.verdict) > gravity_of(worst)) {
            worst = device.judgement.verdict;
        }
    }
    return worst;
}

void SampledRepeats::row(RecordedTime time, Bytes level) {
    varies_ = varies_ || (latest_ && *latest_ != level);
    latest_ = level;
    if (!ends_.empty() && time <= ends_.back()) {
        const auto later = ends_.end() - std::lower_bound(ends_.begin(), ends_.end(), time);
        series_.add(repeats_ - static_cast<std::size_t>(later), level);
        return;
    }
    pending_.emplace_back(time, level);
    if (pending_.size() > most_pending) {
        fold();
    }
}

void SampledRepeats::fold() {
    least_ = std::min(least_.value_or(pending_.front().second), pending_.front().second);
    pending_.pop_front();
}

void SampledRepeats::repeat_ended(RecordedTime time) {
    while (!pending_.empty() && pending_.front().first <= time) {
        fold();
    }
    if (least_) {
        series_.add(repeats_, *least_);
        least_.reset();
    }
    ++repeats_;
    ends_.push_back(time);
    if (ends_.size() > most_ends) {
        ends_.pop_front();
    }
}

Judgement SampledRepeats::judge() const {
    const std::vector<SeriesPoint> points = series_.points();
    return with_known_after(points.size(), [&](std::size_t n) {
        return judge_samples({points.begin(), points.begin() + static_cast<std::ptrdiff_t>(n)});
    });
}

RepeatedWork::RepeatedWork(ProcessRef process, TextRef label)
    : process_(std::move(process)), label_(std::move(label)) {}

void RepeatedWork::begin(RecordedTime time) {
    if (open_++ == 0) {
        began_ = time;
        first_ = repeats_ == 0 ? time : first_;
    }
}

void RepeatedWork::end(RecordedTime time, double total_bytes) {
    if (open_ == 0 || --open_ > 0) {
        return;
    }
    ++repeats_;
    last_ = time;
    total_ += time - began_;
    if (!books_end_) {
        books_.books.repeat_ended(total_bytes);
    }
    if (sums_ends_ == 0 || time - sums_last_ >= between_sums) {
        ++sums_ends_;
        sums_last_ = time;
        sums_.books.repeat_ended(total_bytes);
    }
    for (auto& [device, samples] : samples_) {
        samples.repeat_ended(time);
    }
}

void RepeatedWork::begin_inside(const TextRef& label) {
    ++inside_[label->number];
    if (nested_.size() < most_nested) {
        nested_.insert(label->number);
    }
}

void RepeatedWork::end_inside(const TextRef& label) {
    const auto found = inside_.find(label->number);
    if (found != inside_.end() && --found->second == 0) {
        inside_.erase(found);
    }
}

bool RepeatedWork::is_inside(const TextRef& label) const {
    return open_ > 0 && (label == nullptr || inside_.contains(label->number));
}

void RepeatedWork::row(const RecordedDevice& device, const RecordedRow& row) {
    if (open_ == 0 && repeats_ == 0) {
        return;
    }
    const auto part = std::find_if(
        row.parts.begin(), row.parts.end(),
        [&](const RecordedPart& each) { return each.process->number == process_->number; });
    if (device.kind == RecordedKind::gpu) {
        gpus_.insert(device.name);
    }
    if (part != row.parts.end()) {
        samples_[device.name].row(row.time, part->bytes);
    } else if (device.kind == RecordedKind::gpu && row.parts.empty()) {
        shared_.insert(device.name);
        samples_[device.name].row(row.time, row.others);
    }
}

RepeatBooks::Place RepeatedWork::place_of(NumberedBooks& numbered, const RecordedSite& site) {
    const auto number = [](const auto& told) { return told == nullptr ? 0 : told->number; };
    const std::array<std::uint64_t, 4> key{site.holder->number, number(site.purpose),
                                           number(site.label), number(site.stack)};
    if (const auto known = numbered.places.find(key); known != numbered.places.end()) {
        return known->second;
    }
    const RepeatBooks::Place place = numbered.books.place_of(
        {site.holder->device, site.purpose == nullptr ? "" : site.purpose->text,
         site.label == nullptr ? "" : site.label->text, key[3]});
    if (numbered.places.size() < RepeatBooks::sites_max) {
        numbered.places.emplace(key, place);
        if (site.stack != nullptr) {
            stacks_[key[3]] = site.stack;
        }
    }
    return place;
}

void RepeatedWork::event(const RecordedEvent& event) {
    if (books_end_ || (open_ == 0 && repeats_ == 0)) {
        return;
    }
    const RepeatBooks::Allocation allocation{event.site.holder->number, event.id};
    if (event.kind == EventKind::released) {
        books_.books.released(allocation);
    } else if (event.kind == EventKind::taken && is_inside(event.site.label)) {
        books_.books.taken(allocation, event.bytes, place_of(books_, event.site));
    }
}

void RepeatedWork::amounts(const RecordedAmounts& amounts) {
    std::set<RepeatBooks::Place>& named = named_[amounts.holder->number];
    for (const RepeatBooks::Place place : named) {
        sums_.books.amount(place, {});  // whatever is not told any more
    }
    for (const RecordedAmount& amount : amounts.amounts) {
        const RepeatBooks::Place place =
            place_of(sums_, {amounts.holder, amount.name, nullptr, nullptr});
        named.insert(place);
        sums_.books.amount(place, amount.bytes);
    }
}

std::vector<RepeatsOnDevice> RepeatedWork::exact() const {
    std::map<std::string, RepeatsOnDevice> devices;
    std::vector<SiteJudgement> sites = books_.books.judge();
    for (SiteJudgement& judged : sums_.books.judge()) {
        sites.push_back(in_repeats(std::move(judged), repeats_, sums_ends_));
    }
    for (SiteJudgement& judged : sites) {
        // What an allocator keeps for itself is not what the program asked for.
        if (judged.judgement.verdict == Verdict::leak && judged.site.purpose == "cache" &&
            judged.site.label.empty()) {
            judged.judgement.verdict = Verdict::driver;
        }
        const std::string name = watched_device(judged.site.device);
        const auto stack = stacks_.find(judged.site.stack);
        RepeatsOnDevice& found = devices[name];
        found.device = name;
        found.exact = true;
        add_site(found, {std::move(judged), stack == stacks_.end() ? nullptr : stack->second});
    }
    std::vector<RepeatsOnDevice> list;
    for (auto& [name, found] : devices) {
        list.push_back(std::move(found));
    }
    return list;
}

std::map<std::string, Judgement> RepeatedWork::sampled() const {
    std::map<std::string, Judgement> judged;
    for (const auto& [device, samples] : samples_) {
        if (samples.varies() || !shared_.contains(device)) {  // else it may not even use it
            judged[device] = samples.judge();
        }
    }
    return judged;
}

RepeatFindings RepeatedWork::findings(const std::map<std::string, Judgement>& sampled) const {
    std::vector<RepeatsOnDevice> devices = exact();
    for (const auto& [name, judgement] : sampled) {
        add_samples(devices,
                    {name, gpus_.contains(name) ? SampledBy::gpu : SampledBy::host, judgement});
    }
    RepeatFindings findings{.label = label_->text,
                            .pid = process_->pid,
                            .command = process_->command,
                            .repeats = repeats_,
                            .open = total_,
                            .devices = {}};
    for (RepeatsOnDevice& found : devices) {
        if (lost_) {
            found.judgement.verdict = Verdict::inconclusive;
            found.judgement.why =
                "what the program told was lost in part, because it came faster than it was read";
        }
        findings.devices.push_back(std::move(found));
    }
    return findings;
}

}  // namespace hexcore
