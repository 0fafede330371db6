#include "hexcore/report/recording_peaks.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace hexcore {
namespace {

constexpr std::size_t most_peaks = 4096;
constexpr std::size_t frames_shown = 4;

/// Where a map has room for the key, or has it: its value. Null otherwise.
template <typename Map>
typename Map::mapped_type* place_in(Map& map, const typename Map::key_type& key) {
    const auto found = map.find(key);
    if (found != map.end()) {
        return &found->second;
    }
    return map.size() < most_peaks ? &map[key] : nullptr;
}

/// "keep() at train.cpp:88" without the line, which moves with every change of the file.
std::string function_of(const std::string& frame) { return frame.substr(0, frame.find(" at ")); }

std::string stack_name(const RecordedStack& stack, Symbols& symbols) {
    std::vector<std::string> functions;
    for (const std::string& name : symbols.names_of(stack)) {
        if (functions.size() == frames_shown) {
            break;
        }
        functions.push_back(function_of(name));
    }
    return fmt::format("{}", fmt::join(functions, " < "));
}

}  // namespace

void PeakFinder::Level::change(std::uint64_t taken, std::uint64_t released) {
    // A recording may tell less than there was: nothing is ever below zero.
    now = now + taken - std::min(now + taken, released);
    most = std::max(most, now);
}

void PeakFinder::run(const RecordedRun& /*run*/) {}
void PeakFinder::thinned(RecordedTime /*from*/, std::chrono::microseconds /*bucket*/) {}

void PeakFinder::device(const RecordedDevice& device) {
    devices_[device.number].name = shortened(device.name, recorded_name_max);
}

void PeakFinder::row(const RecordedRow& row) {
    Device& device = devices_[row.device];
    device.most = std::max(device.most, row.total());
    std::map<std::string_view, Bytes> sums;
    for (const RecordedPart& part : row.parts) {
        sums[part.process->command] += part.bytes;
    }
    for (const auto& [command, bytes] : sums) {
        if (const auto known = device.commands.find(command); known != device.commands.end()) {
            known->second = std::max(known->second, bytes);
        } else if (device.commands.size() < most_peaks) {
            device.commands.emplace(command, bytes);
        }
    }
}

void PeakFinder::end(const RecordedEnd& end) {
    for (auto& [number, device] : devices_) {
        if (device.name == "host") {
            device.most = std::max(device.most, end.largest_process);
        }
    }
}

void PeakFinder::amounts(const RecordedAmounts& amounts) {
    for (const RecordedAmount& amount : amounts.amounts) {
        Named* purpose = place_in(purposes_, {amounts.holder->number, number_of(amount.name)});
        if (purpose == nullptr) {
            continue;
        }
        if (purpose->name.empty()) {
            purpose->name =
                fmt::format("{}: {}", shortened(amounts.holder->device, recorded_name_max),
                            amount.name ? shortened(amount.name->text, recorded_name_max) : "none");
        }
        purpose->level.most = std::max(purpose->level.most, amount.bytes.count());
    }
    // Amounts may be recorded later than events that follow them.
    if (amounts.amounts.empty() && latest_events_[amounts.holder->number] <= amounts.time) {
        forget_what_is_held(amounts.holder->number);
    }
}

/// What a process still had when it ended is not told as released, and other processes have the
/// same labels and stacks.
void PeakFinder::forget_what_is_held(std::uint64_t holder) {
    auto site = sites_.lower_bound({holder, 0, 0, 0});
    while (site != sites_.end() && std::get<0>(site->first) == holder) {
        const auto& [key, alive] = *site;
        if (const auto label = labels_.find(std::get<2>(key)); label != labels_.end()) {
            label->second.level.change(0, alive);
        }
        if (const auto stack = stacks_.find(std::get<3>(key)); stack != stacks_.end()) {
            stack->second.second.change(0, alive);
        }
        site = sites_.erase(site);
    }
}

void PeakFinder::change(const RecordedSite& site, std::uint64_t taken, std::uint64_t released) {
    if (std::uint64_t* alive = place_in(sites_, key_of(site))) {
        *alive = *alive + taken - std::min(*alive + taken, released);
    }
    if (site.label) {
        if (Named* label = place_in(labels_, site.label->number)) {
            if (label->name.empty()) {
                label->name = shortened(site.label->text, recorded_name_max);
            }
            label->level.change(taken, released);
        }
    }
    if (site.stack) {
        if (auto* stack = place_in(stacks_, site.stack->number)) {
            stack->first = site.stack;
            stack->second.change(taken, released);
        }
    }
}

void PeakFinder::event(const RecordedEvent& event) {
    latest_events_[std::get<0>(key_of(event.site))] = event.time;
    if (event.kind == EventKind::taken) {
        change(event.site, event.bytes.count(), 0);
    } else if (event.kind == EventKind::released) {
        change(event.site, 0, event.bytes.count());
    }
}

void PeakFinder::site(const RecordedSiteSum& sum) {
    const auto known = sites_.find(key_of(sum.site));
    const std::uint64_t before = known == sites_.end() ? 0 : known->second;
    const std::uint64_t now = sum.bytes.count();
    change(sum.site, now > before ? now - before : 0, before > now ? before - now : 0);
}

RecordingPeaks PeakFinder::peaks(Symbols& symbols) const {
    RecordingPeaks peaks;
    const auto add = [&](PeakOf what, const std::string& name, Bytes bytes) {
        Bytes& most = peaks[{what, name}];
        most = std::max(most, bytes);
    };
    for (const auto& [number, device] : devices_) {
        add(PeakOf::device, device.name, device.most);
        for (const auto& [command, bytes] : device.commands) {
            add(PeakOf::process,
                fmt::format("{}: {}", device.name,
                            command.empty() ? "a process" : shortened(command, recorded_name_max)),
                bytes);
        }
    }
    for (const auto& [numbers, purpose] : purposes_) {
        add(PeakOf::purpose, purpose.name, Bytes(purpose.level.most));
    }
    for (const auto& [number, label] : labels_) {
        add(PeakOf::label, label.name, Bytes(label.level.most));
    }
    for (const auto& [number, stack] : stacks_) {
        add(PeakOf::stack, stack_name(*stack.first, symbols), Bytes(stack.second.most));
    }
    return peaks;
}

}  // namespace hexcore
