#include "hexcore/report/watch_summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "hexcore/base/duration.hpp"
#include "hexcore/report/growth_words.hpp"
#include "hexcore/report/text_table.hpp"

namespace hexcore {
namespace {

constexpr std::string_view indent = "   ";

double in_s(std::chrono::microseconds time) { return std::chrono::duration<double>(time).count(); }

std::string command_text(const WatchFindings& findings) {
    constexpr std::size_t longest = 60;
    const std::string words = fmt::format("{}", fmt::join(findings.run.command, " "));
    const std::string name = words.empty() ? "a command" : shortened(words, longest);
    const std::uint32_t pid = findings.run.attached_pid;
    return pid == 0 ? name : fmt::format("{} (pid {})", name, pid);
}

std::string signal_text(int number) {
    const char* name = ::sigabbrev_np(number);
    return name == nullptr ? fmt::format("signal {}", number)
                           : fmt::format("signal {} (SIG{})", number, name);
}

/// "ended with exit code 0 after 41 min 07 s"
std::string end_text(const WatchFindings& findings) {
    if (!findings.end) {
        return fmt::format("was watched for {}; how it ended is not recorded",
                           long_duration_text(in_s(findings.duration)));
    }
    const RecordedEnd& end = *findings.end;
    if (end.ending != RecordedEnding::known) {
        const std::string time = long_duration_text(in_s(end.time));
        return end.ending == RecordedEnding::running
                   ? fmt::format("goes on; it was watched for {}", time)
                   : fmt::format("ended after {} of watching; only its parent was told how", time);
    }
    std::string text = end.signalled ? fmt::format("was ended by {}", signal_text(end.code))
                                     : fmt::format("ended with exit code {}", end.code);
    text += fmt::format(" after {}", long_duration_text(in_s(end.time)));
    if (end.killed_by == KilledBy::cgroup) {
        text += fmt::format(": the kernel killed it for the memory limit of its control group, {}",
                            printable(end.cgroup));
    } else if (end.killed_by == KilledBy::oom_killer) {
        text += ": the kernel killed it because the machine was out of memory";
    }
    return text;
}

std::string processes_text(std::uint64_t count) {
    return fmt::format("{} process{}", count, count == 1 ? "" : "es");
}

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

/// GPUs first, for whose sake people look.
std::vector<const DeviceFindings*> in_order(const WatchFindings& findings) {
    std::vector<const DeviceFindings*> devices;
    for (const DeviceFindings& found : findings.devices) {
        if (found.peak > Bytes()) {
            devices.push_back(&found);
        }
    }
    std::stable_partition(devices.begin(), devices.end(), [](const DeviceFindings* found) {
        return found->device.kind == RecordedKind::gpu;
    });
    return devices;
}

/// "12:03, decode 311"
std::string peak_time_text(const DeviceFindings& found) {
    constexpr std::size_t longest_label = 32;
    const std::string time = clock_text(in_s(found.peak_at));
    return found.peak_label.empty()
               ? time
               : fmt::format("{}, {}", time, shortened(found.peak_label, longest_label));
}

bool shows_counted_once(const WatchFindings& findings) {
    return findings.counted_once && findings.counted_once->matters();
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
        if (found->device.kind == RecordedKind::host && shows_counted_once(findings)) {
            const RecordedCountedOnce& once = findings.counted_once->most;
            table.add_row({std::string(indent) + "  shared once", to_string(once.once),
                           clock_text(in_s(once.time)), to_string(found->device.total), ""});
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

std::string closest_call(const WatchFindings& findings,
                         const std::vector<const DeviceFindings*>& devices) {
    const DeviceFindings* closest = nullptr;
    const auto free_share = [](const DeviceFindings& found) {
        return found.least_free->as_double() / std::max(found.device.total.as_double(), 1.0);
    };
    for (const DeviceFindings* found : devices) {
        if (found->least_free &&
            (closest == nullptr || free_share(*found) < free_share(*closest))) {
            closest = found;
        }
    }
    std::string text;
    if (closest != nullptr) {
        text =
            fmt::format("Closest call: {} free on {} at {}. ", to_string(*closest->least_free),
                        printable(closest->device.name), clock_text(in_s(closest->least_free_at)));
    }
    if (findings.killed_for_memory()) {
        return text + "Which budget would have held is not known: it was killed on its way up.";
    }
    std::vector<std::string> budgets;
    for (const DeviceFindings* found : devices) {
        if (found->device.kind != RecordedKind::cgroup) {
            budgets.push_back(fmt::format("{} for {}", to_string(found->budget()),
                                          printable(found->device.name)));
        }
    }
    if (!budgets.empty()) {
        text += fmt::format("A budget of {} would have held.", fmt::join(budgets, ", "));
    }
    return text;
}

std::string looks_text(std::uint64_t count) {
    return count == 1 ? "the one look at them" : fmt::format("{} looks at them", count);
}

std::string precision_text(const WatchFindings& findings,
                           const std::vector<const DeviceFindings*>& devices) {
    const auto has = [&](RecordedKind kind) {
        return std::any_of(devices.begin(), devices.end(), [kind](const DeviceFindings* found) {
            return found->device.kind == kind;
        });
    };
    std::string text = fmt::format(
        "Precision: host by the resident pages of all processes every {:g} ms, and the kernel's "
        "high-water marks between; pages that processes share count for each.",
        in_s(findings.run.interval) * 1e3);
    if (shows_counted_once(findings)) {
        const CountedOnceFindings& once = *findings.counted_once;
        text += fmt::format(
            " Counted once they were {} at most, where each by itself had {}, in {}.",
            to_string(once.most.once), to_string(once.most.resident), looks_text(once.n_looks));
    }
    if (has(RecordedKind::cgroup)) {
        text += " cgroup by the kernel: all processes in it, with the page cache.";
    }
    if (has(RecordedKind::gpu)) {
        text += fmt::format(" GPUs by the driver's word every {:g} ms, of all programs on them.",
                            in_s(findings.run.gpu_interval) * 1e3);
    }
    if (findings.thinned.count() > 0) {
        text +=
            fmt::format(" Of later times the row with the largest total of each {:g} ms is kept.",
                        in_s(findings.thinned) * 1e3);
    }
    return text;
}

std::string cost_text(const RecordedEnd& end) {
    const double share = in_s(end.cost) / std::max(in_s(end.time), 1e-6);
    const double s = in_s(end.cost);
    return fmt::format("Watching took {:.2g} % of a core ({}), and {}.", share * 100,
                       s < 1 ? duration_text(s) : long_duration_text(s), to_string(end.own_memory));
}

std::string notes_text(const WatchFindings& findings) {
    std::string text;
    if (findings.end && findings.end->missed > 0) {
        text += fmt::format("{} more than can be watched at once were not. ",
                            processes_text(findings.end->missed));
    }
    if (findings.end) {
        text += printable(findings.end->notes);
    }
    if (findings.lost_records > 0) {
        text += fmt::format("{} that programs told came faster than could be heard, and {} lost. ",
                            plural(findings.lost_records, "record"),
                            findings.lost_records == 1 ? "was" : "were");
    }
    if (findings.unreadable_bytes > 0) {
        text += fmt::format(
            "{} at the end of the recording could not be read: it was cut off, or "
            "is damaged.",
            plural(findings.unreadable_bytes, "byte"));
    }
    return text;
}

}  // namespace

std::string watch_headline(const WatchFindings& findings) {
    return fmt::format("{} {}", command_text(findings), end_text(findings));
}

std::vector<std::string> watch_sentences(const WatchFindings& findings) {
    const auto devices = in_order(findings);
    std::vector<std::string> texts;
    if (devices.empty()) {
        texts.emplace_back("It was over before the first sample.");
    } else {
        texts.push_back(closest_call(findings, devices));
        texts.push_back(precision_text(findings, devices));
        if (findings.end) {
            texts.push_back(cost_text(*findings.end));
        }
    }
    texts.push_back(notes_text(findings));
    std::erase(texts, "");
    return texts;
}

std::string watch_summary(const WatchFindings& findings, TextStyle style) {
    const auto devices = in_order(findings);
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
