#include "hexcore/cage/yard_cells.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "hexcore/device/control_group.hpp"
#include "hexcore/device/proc_root.hpp"

namespace hexcore {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view yard_prefix = "hexcore-cages-";

FileDescriptor locked_folder(const std::string& folder) {
    FileDescriptor file(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!file.is_open() || ::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        return FileDescriptor(-1);
    }
    return file;
}

std::vector<std::string> folders_in(const std::string& folder) {
    std::vector<std::string> found;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
        if (entry->is_directory(error)) {
            found.push_back(entry->path().string());
        }
    }
    return found;
}

/// What is still in a group of a dead process's ends with it; a supervisor may be about to do it.
void remove_dead_yards(const std::string& parent) {
    for (const std::string& yard : folders_in(parent)) {
        const bool is_yard = fs::path(yard).filename().string().starts_with(yard_prefix);
        const FileDescriptor lock = is_yard ? locked_folder(yard) : FileDescriptor(-1);
        if (!lock.is_open()) {
            continue;
        }
        for (const std::string& cell : folders_in(yard)) {
            (void)write_to_group(cell + "/cgroup.kill", "1");
        }
        remove_group(yard);
    }
}

bool group_file_is_there(const std::string& file) { return ::access(file.c_str(), F_OK) == 0; }

bool lists_controller(const std::string& file, std::string_view controller) {
    const auto text = ProcRoot{}.read_if_there(file);
    std::string_view words = text && *text ? trimmed(**text) : std::string_view();
    while (!words.empty()) {
        if (take_word(words) == controller) {
            return true;
        }
    }
    return false;
}

/// The groups of one version that this process is in, innermost first.
std::vector<std::string> own_groups(std::string_view controller, CgroupVersion version) {
    std::vector<std::string> found;
    for (const ControlGroup& group :
         control_groups({}, controller).value_or(std::vector<ControlGroup>())) {
        if (group.version == version) {
            found.push_back(group.folder);
        }
    }
    return found;
}

/// Whether groups made in `group` have the memory controller, or can be given it: that the kernel
/// refuses while the group itself has processes.
bool gives_memory(const std::string& group) {
    if (!lists_controller(group + "/cgroup.controllers", "memory")) {
        return false;
    }
    const std::string given = group + "/cgroup.subtree_control";
    return lists_controller(given, "memory") || write_to_group(given, "+memory").has_value();
}

/// A limit that holds for this process holds for its cages: they are not made outside of it.
bool limits_memory_itself(const std::string& group) {
    const auto text = ProcRoot{}.read_if_there(group + "/memory.max");
    return text && *text && !(*text)->starts_with("max");
}

}  // namespace

Result<YardFolder> YardFolder::make(const std::string& parent) {
    remove_dead_yards(parent);
    constexpr int tries = 5;
    for (int i = 0; i < tries; ++i) {
        std::string path = fmt::format("{}/{}XXXXXX", parent, yard_prefix);
        if (::mkdtemp(path.data()) == nullptr) {
            return fail(ErrorCode::missing_device, "no control group can be made in {}: {}", parent,
                        std::strerror(errno));
        }
        FileDescriptor lock = locked_folder(path);
        // Until it was locked another yard could take it for a dead one's.
        if (lock.is_open() && group_file_is_there(path)) {
            return YardFolder(std::move(path), std::move(lock));
        }
    }
    return fail(ErrorCode::missing_device, "no control group in {} stays", parent);
}

YardFolder::~YardFolder() {
    if (lock_.is_open()) {
        ::rmdir(path_.c_str());
    }
}

std::optional<std::string> YardCells::open_memory_v2() {
    for (const std::string& group : own_groups("memory", CgroupVersion::v2)) {
        if (gives_memory(group)) {
            if (auto yard = YardFolder::make(group)) {
                const std::string path = yard->path();
                yards_.push_back(*std::move(yard));
                (void)write_to_group(path + "/cgroup.subtree_control", "+pids");
                if (write_to_group(path + "/cgroup.subtree_control", "+memory")) {
                    parents_.memory_v2 = path;
                    return std::nullopt;
                }
                yards_.pop_back();
            }
        }
        if (limits_memory_itself(group)) {
            break;
        }
    }
    return "Control groups of version 2 don't limit memory here: none that this process is in may "
           "be divided, as one that systemd delegates may.";
}

std::optional<std::string> YardCells::open_memory_v1() {
    const auto groups = own_groups("memory", CgroupVersion::v1);
    if (groups.empty()) {
        return "There are no control groups of version 1 with memory.";
    }
    auto yard = YardFolder::make(groups.front());
    if (!yard) {
        return yard.error().message + ".";
    }
    if (!group_file_is_there(yard->path() + "/memory.oom_control")) {
        return "Control groups of version 1 don't stop at their limit here.";
    }
    parents_.memory_v1 = yard->path();
    yards_.push_back(*std::move(yard));
    return std::nullopt;
}

std::optional<std::string> YardCells::open_kill() {
    if (!parents_.memory_v2.empty() && group_file_is_there(parents_.memory_v2 + "/cgroup.kill")) {
        parents_.kill = parents_.memory_v2;
        return std::nullopt;
    }
    const auto groups = own_groups("memory", CgroupVersion::v2);
    if (groups.empty()) {
        return "There are no control groups of version 2, whose processes end all at once.";
    }
    auto yard = YardFolder::make(groups.front());
    if (!yard) {
        return yard.error().message + ".";
    }
    if (!group_file_is_there(yard->path() + "/cgroup.kill")) {
        return "This kernel has no cgroup.kill, by which processes end all at once.";
    }
    parents_.kill = yard->path();
    yards_.push_back(*std::move(yard));
    return std::nullopt;
}

void YardCells::open_processes(Guards& guards) {
    const std::string& v2 = parents_.memory_v2;
    if (!v2.empty() && lists_controller(v2 + "/cgroup.subtree_control", "pids")) {
        parents_.processes = v2;
    } else if (const auto groups = own_groups("pids", CgroupVersion::v1); !groups.empty()) {
        if (auto yard = YardFolder::make(groups.front())) {
            parents_.processes = yard->path();
            yards_.push_back(*std::move(yard));
        }
    }
    guards.limits_processes = !parents_.processes.empty();
    if (!guards.limits_processes) {
        guards.why.emplace_back(
            "The number of processes is not limited: no control group here "
            "counts them.");
    }
}

Result<std::unique_ptr<YardCells>> YardCells::open(const WantedGuards& wanted, Guards& guards) {
    std::unique_ptr<YardCells> cells(new YardCells());
    guards.memory = MemoryGuard::polling;
    guards.kill = KillGuard::sweep;
    const auto tries = [&](MemoryGuard guard) { return !wanted.memory || *wanted.memory == guard; };
    bool found = false;
    const auto take = [&](MemoryGuard guard, std::optional<std::string> why_not) {
        if (why_not) {
            guards.why.push_back(*std::move(why_not));
        } else {
            guards.memory = guard;
            found = true;
        }
    };
    if (tries(MemoryGuard::cgroup_v2)) {
        take(MemoryGuard::cgroup_v2, cells->open_memory_v2());
    }
    if (!found && tries(MemoryGuard::cgroup_v1)) {
        take(MemoryGuard::cgroup_v1, cells->open_memory_v1());
    }
    if (wanted.memory && *wanted.memory != guards.memory) {
        return fail(ErrorCode::missing_device, "memory cannot be guarded by {} here. {}",
                    to_string(*wanted.memory), guards.why.back());
    }
    if (wanted.kill != KillGuard::sweep) {
        if (auto why_not = cells->open_kill()) {
            guards.why.push_back(*std::move(why_not));
        } else {
            guards.kill = KillGuard::cgroup_kill;
        }
    }
    if (wanted.kill && *wanted.kill != guards.kill) {
        return fail(ErrorCode::missing_device, "processes cannot be ended by {} here. {}",
                    to_string(*wanted.kill), guards.why.back());
    }
    // Who wants neither wants none at all.
    if (wanted.memory != MemoryGuard::polling || wanted.kill != KillGuard::sweep) {
        cells->open_processes(guards);
    }
    return cells;
}

Result<std::unique_ptr<ControlCell>> YardCells::take(const CageLimits& limits) {
    if (yards_.empty()) {
        return nullptr;
    }
    if (!free_.empty()) {
        std::unique_ptr<ControlCell> cell = std::move(free_.back());
        free_.pop_back();
        // One with more page cache in it than the new limit does not take that.
        if (cell->set_up(limits)) {
            return cell;
        }
    }
    CellFolders folders = parents_;
    for (std::string* folder :
         {&folders.kill, &folders.memory_v2, &folders.memory_v1, &folders.processes}) {
        if (!folder->empty()) {
            *folder += fmt::format("/{}", made_);
        }
    }
    ++made_;
    HEXCORE_TRY(cell, ControlCell::make(folders));
    HEXCORE_TRY_VOID(cell->set_up(limits));
    return cell;
}

void YardCells::give_back(std::unique_ptr<ControlCell> cell) {
    if (cell != nullptr && cell->is_clean()) {
        free_.push_back(std::move(cell));
    }
}

}  // namespace hexcore
