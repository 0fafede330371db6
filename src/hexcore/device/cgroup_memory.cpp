#include "hexcore/device/cgroup_memory.hpp"

#include <optional>

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

/// A mounted hierarchy that can limit memory.
struct Mount {
    const Names* names;
    std::string root;   ///< the group that the mount shows as its top
    std::string point;  ///< the folder where it is mounted
};

bool lists(std::string_view comma_separated, std::string_view name) {
    while (!comma_separated.empty()) {
        const std::size_t comma = comma_separated.find(',');
        if (comma_separated.substr(0, comma) == name) {
            return true;
        }
        comma_separated.remove_prefix(comma == std::string_view::npos ? comma_separated.size()
                                                                      : comma + 1);
    }
    return false;
}

/// Reads one line of mountinfo: `35 31 0:32 ROOT POINT options [tags] - TYPE source superoptions`.
std::optional<Mount> memory_mount(std::string_view line) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view after = line.substr(dash + 3);
    const std::string_view type = take_word(after);
    (void)take_word(after);
    const bool is_v1 = type == "cgroup" && lists(take_word(after), "memory");
    if (!is_v1 && type != "cgroup2") {
        return std::nullopt;
    }
    for (int skipped = 0; skipped < 3; ++skipped) {
        (void)take_word(line);
    }
    const std::string_view mount_root = take_word(line);
    const std::string_view point = take_word(line);
    return Mount{is_v1 ? &version1 : &version2, std::string(mount_root), std::string(point)};
}

/// The process's group in that hierarchy, from lines `4:memory:/a/b` (version 1) or `0::/a/b`.
Result<std::optional<std::string_view>> own_group(const ProcRoot& root, std::string_view text,
                                                  const Names* names) {
    while (!text.empty()) {
        const std::string_view line = take_line(text);
        const std::size_t first = line.find(':');
        const std::size_t second =
            first == std::string_view::npos ? first : line.find(':', first + 1);
        if (second == std::string_view::npos || line.substr(second + 1, 1) != "/") {
            return fail(ErrorCode::bad_input,
                        "{}: '{}' is not of the form ID:CONTROLLERS:/PATH; Hexcore cannot tell "
                        "which memory limit holds for it",
                        root.path("/proc/self/cgroup"), line);
        }
        const std::string_view controllers = line.substr(first + 1, second - first - 1);
        if (names == &version2 ? controllers.empty() : lists(controllers, "memory")) {
            return line.substr(second + 1);
        }
    }
    return std::nullopt;
}

/// Where the group lies below the mount. A container without its own group namespace sees the
/// machine's path but mounts only its own part, so the mount's root is cut off; a group outside of
/// the mount can only be seen from the mount's top.
std::string below(const Mount& mount, std::string_view group) {
    const std::string top = mount.root == "/" ? "" : mount.root;
    const bool inside = group.starts_with(top) &&
                        (group.size() == top.size() || group[top.size()] == '/') &&
                        group.find("/..") == std::string_view::npos;
    std::string path(inside ? group.substr(top.size()) : "");
    while (path.ends_with('/')) {
        path.pop_back();
    }
    return path;
}

Result<Bytes> number_in(const ProcRoot& root, const std::string& file, std::string_view text) {
    const auto number = whole_number(text);
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

Result<std::vector<CgroupMemory>> memory_cgroups(const ProcRoot& root) {
    std::vector<CgroupMemory> groups;
    HEXCORE_TRY(own, root.read_if_there("/proc/self/cgroup"));
    HEXCORE_TRY(mounts, root.read_if_there("/proc/self/mountinfo"));
    if (!own || !mounts) {
        return groups;
    }
    std::string_view lines = *mounts;
    while (!lines.empty()) {
        const auto mount = memory_mount(take_line(lines));
        if (!mount) {
            continue;
        }
        HEXCORE_TRY(group, own_group(root, *own, mount->names));
        if (!group) {
            continue;
        }
        std::string path = below(*mount, *group);
        while (true) {
            HEXCORE_TRY(found, read_group(root, mount->point + path, *mount->names));
            if (found) {
                groups.push_back(std::move(*found));
            }
            if (path.empty()) {
                break;
            }
            path.erase(path.rfind('/'));
        }
    }
    return groups;
}

}  // namespace hexcore
