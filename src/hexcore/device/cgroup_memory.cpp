#include "hexcore/device/cgroup_memory.hpp"

#include <algorithm>
#include <optional>

#include "hexcore/base/whole_number.hpp"
#include "hexcore/device/control_group.hpp"

namespace hexcore {
namespace {

/// The names by which a version of control groups tells the same things.
struct Names {
    std::string_view limit;
    std::string_view used;
    std::string_view active_file;  ///< keys of memory.stat, which include the children
    std::string_view inactive_file;
};
constexpr Names version1{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_active_file",
                         "total_inactive_file"};
constexpr Names version2{"memory.max", "memory.current", "active_file", "inactive_file"};

Result<Bytes> number_in(const ProcRoot& root, const std::string& file, std::string_view text) {
    const auto number = whole_number(trimmed(text));
    if (!number) {
        return fail(ErrorCode::bad_input,
                    "{}: '{}' is not a number of bytes; Hexcore cannot tell what the control group "
                    "allows",
                    root.path(file), text.substr(0, std::min(text.find('\n'), text.size())));
    }
    return Bytes(*number);
}

Result<Bytes> page_cache(const ProcRoot& root, const std::string& folder, const Names& names) {
    const std::string file = folder + "/memory.stat";
    HEXCORE_TRY(stat, root.read_if_there(file));
    Bytes sum;
    std::string_view text = stat ? std::string_view(*stat) : std::string_view();
    while (!text.empty()) {
        std::string_view line = take_line(text);
        const std::string_view key = take_word(line);
        if (key == names.active_file || key == names.inactive_file) {
            HEXCORE_TRY(value, number_in(root, file, line));
            sum += value;
        }
    }
    return sum;
}

/// One group's limit and use, or nothing where it sets no limit.
Result<std::optional<CgroupMemory>> read_group(const ProcRoot& root, const std::string& folder,
                                               const Names& names) {
    const std::string limit_file = folder + "/" + std::string(names.limit);
    const std::string used_file = folder + "/" + std::string(names.used);
    HEXCORE_TRY(limit_text, root.read_if_there(limit_file));
    // The top group of version 2 has no limit file, nor have groups without the memory controller.
    if (!limit_text || limit_text->starts_with("max")) {
        return std::nullopt;
    }
    HEXCORE_TRY(limit, number_in(root, limit_file, *limit_text));
    constexpr Bytes unlimited = Bytes(1ULL << 62);  // version 1 says "none" as 2^63 less a page
    if (limit >= unlimited) {
        return std::nullopt;
    }
    HEXCORE_TRY(used_text, root.read(used_file));
    HEXCORE_TRY(used, number_in(root, used_file, used_text));
    HEXCORE_TRY(cache, page_cache(root, folder, names));
    return CgroupMemory{.path = folder, .limit = limit, .used = used, .reclaimable = cache};
}

}  // namespace

Result<std::vector<CgroupMemory>> memory_cgroups(const ProcRoot& root,
                                                 const std::vector<ControlGroup>& own) {
    std::vector<CgroupMemory> groups;
    for (const ControlGroup& group : own) {
        const Names& names = group.version == CgroupVersion::v1 ? version1 : version2;
        HEXCORE_TRY(found, read_group(root, group.folder, names));
        if (found) {
            groups.push_back(std::move(*found));
        }
    }
    return groups;
}

}  // namespace hexcore
