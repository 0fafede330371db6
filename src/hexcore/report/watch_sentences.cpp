#include "hexcore/report/watch_sentences.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "hexcore/base/duration.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {
namespace {

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
                           long_duration_text(in_seconds(findings.duration)));
    }
    const RecordedEnd& end = *findings.end;
    if (end.ending != RecordedEnding::known) {
        const std::string time = long_duration_text(in_seconds(end.time));
        return end.ending == RecordedEnding::running
                   ? fmt::format("goes on; it was watched for {}", time)
                   : fmt::format("ended after {} of watching; only its parent was told how", time);
    }
    std::string text = end.signalled ? fmt::format("was ended by {}", signal_text(end.code))
                                     : fmt::format("ended with exit code {}", end.code);
    text += fmt::format(" after {}", long_duration_text(in_seconds(end.time)));
    if (end.killed_by == KilledBy::cgroup) {
        text += fmt::format(": the kernel killed it for the memory limit of its control group, {}",
                            printable(end.cgroup));
    } else if (end.killed_by == KilledBy::oom_killer) {
        text += ": the kernel killed it because the machine was out of memory";
    }
    return text;
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
        text = fmt::format("Closest call: {} free on {} at {}. ", to_string(*closest->least_free),
                           printable(closest->device.name),
                           clock_text(in_seconds(closest->least_free_at)));
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
        in_seconds(findings.run.interval) * 1e3);
    if (findings.sharing_matters()) {
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
                            in_seconds(findings.run.gpu_interval) * 1e3);
    }
    if (findings.thinned.count() > 0) {
        text +=
            fmt::format(" Of later times the row with the largest total of each {:g} ms is kept.",
                        in_seconds(findings.thinned) * 1e3);
    }
    return text;
}

std::string cost_text(const RecordedEnd& end) {
    const double share = in_seconds(end.cost) / std::max(in_seconds(end.time), 1e-6);
    const double s = in_seconds(end.cost);
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

std::string processes_text(std::uint64_t count) {
    return fmt::format("{} process{}", count, count == 1 ? "" : "es");
}

std::vector<const DeviceFindings*> devices_in_order(const WatchFindings& findings) {
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

std::string watch_headline(const WatchFindings& findings) {
    return fmt::format("{} {}", command_text(findings), end_text(findings));
}

std::vector<std::string> watch_sentences(const WatchFindings& findings) {
    const auto devices = devices_in_order(findings);
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

}  // namespace hexcore
