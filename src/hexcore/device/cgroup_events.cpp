#include "hexcore/device/cgroup_events.hpp"

#include <optional>

#include "hexcore/base/whole_number.hpp"
#include "hexcore/device/control_group.hpp"

namespace hexcore {
namespace {

std::optional<std::string> text_in(const ProcRoot& root, const std::string& file) {
    auto text = root.read_if_there(file);
    return text ? std::move(*text) : std::nullopt;
}

Bytes bytes_in(const ProcRoot& root, const std::string& file) {
    return Bytes(whole_number(trimmed(text_in(root, file).value_or(""))).value_or(0));
}

}  // namespace

std::vector<CgroupEvents> cgroup_events(const ProcRoot& root) {
    std::vector<CgroupEvents> events;
    const auto groups = control_groups(root, "memory");
    if (!groups) {
        return events;
    }
    for (const ControlGroup& group : *groups) {
        const bool is_v1 = group.version == CgroupVersion::v1;
        const std::string prefix = group.folder + "/memory.";
        const auto text = text_in(root, prefix + (is_v1 ? "oom_control" : "events"));
        if (!text) {
            continue;
        }
        // Version 1 counts refusals by its limit, also of those who were not killed for it.
        events.push_back(
            {.path = group.folder,
             .at_limit =
                 is_v1 ? bytes_in(root, prefix + "failcnt").count() : number_of_key(*text, "oom"),
             .oom_killed = number_of_key(*text, "oom_kill"),
             .peak = bytes_in(root, prefix + (is_v1 ? "max_usage_in_bytes" : "peak"))});
    }
    return events;
}

std::string cgroup_usage_file(const ProcRoot& root, const std::string& folder) {
    const std::string v2 = folder + "/memory.current";
    return text_in(root, v2) ? v2 : folder + "/memory.usage_in_bytes";
}

}  // namespace hexcore
