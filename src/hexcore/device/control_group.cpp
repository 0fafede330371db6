#include "hexcore/device/control_group.hpp"

#include <algorithm>
#include <optional>

namespace hexcore {
namespace {

/// A mounted hierarchy of control groups.
struct Mount {
    CgroupVersion version;
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
std::optional<Mount> mount_of(std::string_view line, std::string_view controller) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view after = line.substr(dash + 3);
    const std::string_view type = take_word(after);
    (void)take_word(after);
    const bool is_v1 = type == "cgroup" && lists(take_word(after), controller);
    if (!is_v1 && type != "cgroup2") {
        return std::nullopt;
    }
    for (int skipped = 0; skipped < 3; ++skipped) {
        (void)take_word(line);
    }
    const std::string_view mount_root = take_word(line);
    const std::string_view point = take_word(line);
    return Mount{is_v1 ? CgroupVersion::v1 : CgroupVersion::v2, std::string(mount_root),
                 std::string(point)};
}

/// A process's group in that hierarchy, from lines `4:memory:/a/b` (version 1) or `0::/a/b`.
Result<std::optional<std::string_view>> own_group(const ProcRoot& root, std::string_view text,
                                                  CgroupVersion version,
                                                  std::string_view controller) {
    while (!text.empty()) {
        const std::string_view line = take_line(text);
        const std::size_t first = line.find(':');
        const std::size_t second =
            first == std::string_view::npos ? first : line.find(':', first + 1);
        if (second == std::string_view::npos || line.substr(second + 1, 1) != "/") {
            return fail(ErrorCode::bad_input,
                        "{}: '{}' is not of the form ID:CONTROLLERS:/PATH; Hexcore cannot tell "
                        "which limits hold for it",
                        root.path("/proc/self/cgroup"), line);
        }
        const std::string_view controllers = line.substr(first + 1, second - first - 1);
        if (version == CgroupVersion::v2 ? controllers.empty() : lists(controllers, controller)) {
            return line.substr(second + 1);
        }
    }
    return std::nullopt;
}

/// Where the group lies below the mount, or nothing where it is outside. A container without its
/// own group namespace sees the machine's path but mounts only its own part, so the mount's root is
/// cut off.
std::optional<std::string> below(const Mount& mount, std::string_view group) {
    const std::string top = mount.root == "/" ? "" : mount.root;
    const bool inside = group.starts_with(top) &&
                        (group.size() == top.size() || group[top.size()] == '/') &&
                        group.find("/..") == std::string_view::npos;
    if (!inside) {
        return std::nullopt;
    }
    std::string path(group.substr(top.size()));
    while (path.ends_with('/')) {
        path.pop_back();
    }
    return path;
}

/// The mounts that can have the controller, with where the groups in `own` (a process's list of
/// them) lie below each.
struct Place {
    Mount mount;
    std::optional<std::string> path;
};

Result<std::vector<Place>> places(const ProcRoot& root, std::string_view own,
                                  std::string_view controller) {
    std::vector<Place> found;
    HEXCORE_TRY(mounts, root.read_if_there("/proc/self/mountinfo"));
    std::string_view lines = mounts ? std::string_view(*mounts) : std::string_view();
    while (!lines.empty()) {
        auto mount = mount_of(take_line(lines), controller);
        if (!mount) {
            continue;
        }
        HEXCORE_TRY(group, own_group(root, own, mount->version, controller));
        if (group) {
            auto path = below(*mount, *group);
            found.push_back({*std::move(mount), std::move(path)});
        }
    }
    return found;
}

}  // namespace

Result<std::vector<ControlGroup>> control_groups(const ProcRoot& root,
                                                 std::string_view controller) {
    std::vector<ControlGroup> groups;
    HEXCORE_TRY(own, root.read_if_there("/proc/self/cgroup"));
    if (!own) {
        return groups;
    }
    HEXCORE_TRY(found, places(root, *own, controller));
    for (const Place& place : found) {
        // A group outside of the mount can only be seen from the mount's top.
        std::string path = place.path.value_or("");
        while (true) {
            groups.push_back({place.mount.point + path, place.mount.version});
            if (path.empty()) {
                break;
            }
            path.erase(path.rfind('/'));
        }
    }
    return groups;
}

bool is_in_control_group(const ProcRoot& root, std::uint32_t pid, std::string_view folder,
                         std::string_view controller) {
    const auto own = root.read_if_there(fmt::format("/proc/{}/cgroup", pid));
    if (!own || !*own) {
        return false;
    }
    const auto found = places(root, **own, controller);
    return found && std::any_of(found->begin(), found->end(), [&](const Place& place) {
               const std::string at = place.mount.point + place.path.value_or("");
               return place.path && at.starts_with(folder) &&
                      (at.size() == folder.size() || at[folder.size()] == '/');
           });
}

}  // namespace hexcore
