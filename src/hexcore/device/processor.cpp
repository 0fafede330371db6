#include "hexcore/device/processor.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <thread>

#include "hexcore/base/whole_number.hpp"
#include "hexcore/device/control_group.hpp"

namespace hexcore {
namespace {

std::string text_of(const ProcRoot& root, const std::string& file) {
    const auto text = root.read_if_there(file);
    return text && *text ? **text : std::string();
}

/// Nothing for "max" (version 2), -1 (version 1), and a file that is missing or says something
/// else.
std::optional<double> quota_of(const ProcRoot& root, const ControlGroup& group) {
    std::string quota;
    std::string period;
    if (group.version == CgroupVersion::v2) {
        const std::string text = text_of(root, group.folder + "/cpu.max");
        std::string_view line = text;
        quota = take_word(line);
        period = line;
    } else {
        quota = text_of(root, group.folder + "/cpu.cfs_quota_us");
        period = text_of(root, group.folder + "/cpu.cfs_period_us");
    }
    const auto share = whole_number(trimmed(quota));
    const auto whole = whole_number(trimmed(period));
    if (!share || !whole || *share == 0 || *whole == 0) {
        return std::nullopt;
    }
    return static_cast<double>(*share) / static_cast<double>(*whole);
}

int allowed_cores(const ProcRoot& root) {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
        return static_cast<int>(std::thread::hardware_concurrency());
    }
    std::set<std::string> cores;  // by the list of hardware threads that share one
    int n_unknown = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (!CPU_ISSET(cpu, &allowed)) {
            continue;
        }
        const std::string siblings = text_of(
            root, fmt::format("/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", cpu));
        if (siblings.empty()) {
            ++n_unknown;
        } else {
            cores.insert(siblings);
        }
    }
    return static_cast<int>(cores.size()) + n_unknown;
}

}  // namespace

std::optional<double> cpu_quota(const ProcRoot& root) {
    std::optional<double> least;
    const auto groups = control_groups(root, "cpu");
    if (!groups) {
        return least;  // a default for threads is no reason to refuse anything
    }
    for (const ControlGroup& group : *groups) {
        if (const auto quota = quota_of(root, group)) {
            least = std::min(*quota, least.value_or(*quota));
        }
    }
    return least;
}

std::string processor_name(const ProcRoot& root) {
    const std::string text = text_of(root, "/proc/cpuinfo");
    std::string_view rest = text;
    while (!rest.empty()) {
        const std::string_view line = take_line(rest);
        const std::size_t colon = line.find(':');
        if (colon != std::string_view::npos && trimmed(line.substr(0, colon)) == "model name") {
            return std::string(trimmed(line.substr(colon + 1)));
        }
    }
    return "processor";
}

int usable_cores(const ProcRoot& root) {
    const int cores = allowed_cores(root);
    const double quota = std::floor(cpu_quota(root).value_or(cores));
    return std::max(1, quota < cores ? static_cast<int>(quota) : cores);
}

}  // namespace hexcore
