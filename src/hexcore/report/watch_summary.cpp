#include "hexcore/report/watch_summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "hexcore/base/duration.hpp"
#include "hexcore/report/growth_words.hpp"
#include "hexcore/report/text_table.hpp"
#include "hexcore/report/watch_sentences.hpp"

namespace hexcore {
namespace {

constexpr std::string_view indent = "   ";

std::string watched_text(const WatchFindings& findings) {
    const auto gpus = static_cast<std::uint64_t>(
        std::count_if(findings.devices.begin(), findings.devices.end(),
                      [](const auto& found) { return found.device.kind == RecordedKind::gpu; }));
    const std::uint64_t processes =
        findings.end ? findings.end->processes : findings.processes.size();
    std::string text = processes_text(processes);
    if (gpus > 0) {
        text += fmt::format(" and {}", plural(gpus, "GPU"));
    }
    return text;
}

/// "12:03, decode 311"
std::string peak_time_text(const DeviceFindings& found) {
    constexpr std::size_t longest_label = 32;
    const std::string time = clock_text(in_seconds(found.peak_at));
    return found.peak_label.empty()
               ? time
               : fmt::format("{}, {}", time, shortened(found.peak_label, longest_label));
}

std::string table_of(const WatchFindings& findings,
                     const std::vector<const DeviceFindings*>& devices, TextStyle style) {
    TextTable table({{std::string(indent) + "WHERE", Align::left},
                     {"PEAK"},
                     {"AT"},
                     {"OF"},
                     {"GROWTH AFTER WARM-UP", Align::left, Overlong::wraps}},
                    style);
    for (const DeviceFindings* found : devices) {
        table.add_row({std::string(indent) + printable(found->device.name), to_string(found->peak),
                       peak_time_text(*found),
                       found->device.total > Bytes() ? to_string(found->device.total) : "",
                       growth_words(found->growth)});
        if (found->device.kind == RecordedKind::host && findings.sharing_matters()) {
            const RecordedCountedOnce& once = findings.counted_once->most;
            table.add_row({std::string(indent) + "  shared once", to_string(once.once),
                           clock_text(in_seconds(once.time)), to_string(found->device.total), ""});
        }
    }
    return table.render();
}

std::string found_part_text(const FoundPart& part) {
    const std::string command = part.command.empty() ? "a process" : printable(part.command);
    return fmt::format("{} (pid {}) {}", command, part.pid, to_string(part.bytes));
}

/// "PyTorch" of what it has allocated, "PyTorch's cache"; of a ledger or the program the name
/// alone.
std::string holding_name(const FoundHolding& holding) {
    if (holding.kind == HolderKind::ledger || holding.kind == HolderKind::program) {
        return printable(holding.name);
    }
    return holding.name == "allocated"
               ? to_string(holding.kind)
               : fmt::format("{}'s {}", to_string(holding.kind), printable(holding.name));
}

/// "outside PyTorch"
std::string outside_name(const std::vector<FoundHolding>& holdings) {
    const HolderKind kind = holdings.front().kind;
    const bool is_one_kind = std::all_of(holdings.begin(), holdings.end(),
                                         [&](const auto& each) { return each.kind == kind; });
    if (!is_one_kind || kind == HolderKind::program) {
        return "not told of";
    }
    return kind == HolderKind::ledger ? "outside Hexcore's ledgers"
                                      : fmt::format("outside {}", to_string(kind));
}

/// "; of that PyTorch 17.0 GiB, PyTorch's cache 3.1 GiB, outside PyTorch 1.3 GiB"
std::string holdings_text(const DeviceFindings& found) {
    if (found.holdings.empty()) {
        return {};
    }
    constexpr std::size_t most_named = 6;
    std::vector<std::string> parts;
    Bytes others;
    for (const FoundHolding& holding : found.holdings) {
        if (parts.size() < most_named) {
            parts.push_back(fmt::format("{} {}", holding_name(holding), to_string(holding.bytes)));
        } else {
            others += holding.bytes;
        }
    }
    if (others > Bytes()) {
        parts.push_back(fmt::format("other names {}", to_string(others)));
    }
    parts.push_back(
        fmt::format("{} {}", outside_name(found.holdings), to_string(found.outside_holdings())));
    return fmt::format("; of that {}", fmt::join(parts, ", "));
}

/// "host at its peak: python3 train.py (pid 12) 17.0 GiB, ..., all others 0.2 GiB"
std::string peak_text(const DeviceFindings& found) {
    constexpr std::size_t most_named = 3;
    std::vector<std::string> parts;
    Bytes others = found.others;
    for (const FoundPart& part : found.parts) {
        if (parts.size() < most_named) {
            parts.push_back(found_part_text(part));
        } else {
            others += part.bytes;
        }
    }
    if (others > Bytes() && !parts.empty()) {
        parts.push_back(fmt::format(
            "{} {}",
            found.device.kind == RecordedKind::gpu ? "the driver and all others" : "all others",
            to_string(others)));
    }
    if (parts.empty()) {
        return {};
    }
    return fmt::format("{} at its peak{}: {}{}", printable(found.device.name),
                       found.peak_sampled ? "" : " (between samples)", fmt::join(parts, ", "),
                       holdings_text(found));
}

}  // namespace

std::string watch_summary(const WatchFindings& findings, TextStyle style) {
    const auto devices = devices_in_order(findings);
    const auto paragraph = [&](const std::string& text) {
        return text.empty() ? "" : hanging_paragraph(indent, text, style.columns);
    };
    std::string text = hanging_paragraph(
        "hexcore: ",
        fmt::format("{}; watched {}", watch_headline(findings), watched_text(findings)),
        style.columns);
    if (!devices.empty()) {
        text += table_of(findings, devices, style);
    }
    for (const DeviceFindings* found : devices) {
        text += paragraph(peak_text(*found));
    }
    for (const DeviceFindings* found : devices) {
        if (!found->growth.why.empty() && found->device.kind != RecordedKind::cgroup) {
            text += paragraph(
                fmt::format("Growth of {}: {}.", printable(found->device.name), found->growth.why));
        }
    }
    for (const std::string& sentence : repeat_sentences(findings)) {
        text += paragraph(sentence);
    }
    for (const std::string& sentence : watch_sentences(findings)) {
        text += paragraph(sentence);
    }
    return text;
}

}  // namespace hexcore
