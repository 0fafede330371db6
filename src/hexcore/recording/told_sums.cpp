#include "hexcore/recording/told_sums.hpp"

#include <algorithm>
#include <iterator>

namespace hexcore {
namespace {

template <typename Ref>
std::uint64_t number_of(const Ref& ref) {
    return ref == nullptr ? 0 : ref->number;
}

}  // namespace

std::size_t SiteSums::KeyHash::operator()(const Key& key) const {
    std::uint64_t hash = 0;
    for (const std::uint64_t part : key) {
        hash = (hash ^ part) * 0x9E3779B97F4A7C15ULL;  // 2^64 over the golden ratio
        hash ^= hash >> 32U;
    }
    return hash;
}

RecordedSiteSum& SiteSums::changed_sum(const RecordedSite& site) {
    const Key key{site.holder->number, number_of(site.purpose), number_of(site.label),
                  number_of(site.stack)};
    auto found = sums_.find(key);
    if (found == sums_.end()) {
        const bool is_beyond = sums_.size() >= sites_max;
        const RecordedSite told = is_beyond ? RecordedSite{site.holder, {}, {}, {}} : site;
        found = sums_.try_emplace(is_beyond ? Key{site.holder->number} : key).first;
        found->second.sum.site = told;
    }
    found->second.changed = true;
    return found->second.sum;
}

void SiteSums::take(const RecordedSite& site, Bytes bytes) {
    RecordedSiteSum& sum = changed_sum(site);
    sum.bytes = std::min(sum.bytes + std::min(bytes, recorded_bytes_max), recorded_bytes_max);
    ++sum.n_alive;
    ++sum.n_ever;
}

/// A site may have been beyond the most when it was taken, and so be another now.
void SiteSums::release(const RecordedSite& site, Bytes bytes) {
    RecordedSiteSum& sum = changed_sum(site);
    sum.bytes -= std::min(bytes, sum.bytes);
    sum.n_alive -= std::min<std::uint64_t>(sum.n_alive, 1);
}

void SiteSums::event(const RecordedEvent& event) {
    switch (event.kind) {
        case EventKind::taken:
            take(event.site, event.bytes);
            break;
        case EventKind::released:
            release(event.site, event.bytes);
            break;
        case EventKind::relabelled: {
            RecordedSite before = event.site;
            before.purpose = event.purpose_before;
            release(before, event.bytes);
            take(event.site, event.bytes);
            break;
        }
        case EventKind::refused:
            break;
    }
}

void SiteSums::tell_changed(RecordedTime now,
                            const std::function<void(const RecordedSiteSum&)>& tell) {
    for (auto& [key, site] : sums_) {
        if (site.changed) {
            site.changed = false;
            site.sum.time = now;
            tell(site.sum);
        }
    }
}

void OpenLabels::label(const RecordedLabel& label) {
    const Thread thread{label.process->number, label.thread};
    if (label.edge == LabelEdge::begin) {
        open_[thread].push_back(label);
        return;
    }
    const auto on_thread = open_.find(thread);
    if (on_thread == open_.end()) {
        return;
    }
    std::vector<RecordedLabel>& labels = on_thread->second;
    const auto latest = std::find_if(labels.rbegin(), labels.rend(), [&](const auto& open) {
        return open.name->number == label.name->number;
    });
    if (latest != labels.rend()) {
        labels.erase(std::next(latest).base());
    }
    if (labels.empty()) {
        open_.erase(on_thread);
    }
}

std::vector<RecordedLabel> OpenLabels::all() const {
    std::vector<RecordedLabel> all;
    for (const auto& [thread, labels] : open_) {
        all.insert(all.end(), labels.rbegin(), labels.rend());
    }
    return all;
}

void LabelSums::label(const RecordedLabel& label) {
    if (label.edge != LabelEdge::begin) {
        return;
    }
    const std::pair key{label.process->number, label.name->number};
    auto found = sums_.find(key);
    if (found == sums_.end()) {
        if (sums_.size() >= names_max) {
            return;
        }
        found = sums_.emplace(key, Sum{{{}, label.process, label.name, 0}, false}).first;
    }
    found->second.sum.last = label.time;
    ++found->second.sum.count;
    found->second.changed = true;
}

void LabelSums::tell_changed(const std::function<void(const RecordedLabelSum&)>& tell) {
    for (auto& [key, label] : sums_) {
        if (label.changed) {
            label.changed = false;
            tell(label.sum);
        }
    }
}

}  // namespace hexcore
