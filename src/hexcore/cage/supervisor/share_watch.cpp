#include "hexcore/cage/supervisor/share_watch.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "hexcore/cage/supervisor/left_behind.hpp"

namespace hexcore {
namespace {

constexpr const char* shared_folder = "/dev/shm";

std::string path_of(const std::string& name) { return std::string(shared_folder) + "/" + name; }

bool has_open(pid_t pid, const struct stat& file) {
    const std::string folder = "/proc/" + std::to_string(pid) + "/fd";
    const std::unique_ptr<DIR, int (*)(DIR*)> files(::opendir(folder.c_str()), ::closedir);
    while (const dirent* entry = files != nullptr ? ::readdir(files.get()) : nullptr) {
        struct stat facts {};
        if (entry->d_name[0] != '.' &&
            ::fstatat(::dirfd(files.get()), entry->d_name, &facts, 0) == 0 &&
            facts.st_ino == file.st_ino && facts.st_dev == file.st_dev) {
            return true;
        }
    }
    return false;
}

/// Its lines are `BEGIN-END rwxp OFFSET DEVICE INODE  PATH`.
bool has_mapped(pid_t pid, ino_t inode) {
    const std::string path = "/proc/" + std::to_string(pid) + "/maps";
    const std::unique_ptr<FILE, int (*)(FILE*)> maps(std::fopen(path.c_str(), "re"), std::fclose);
    std::array<char, 4352> line{};
    while (maps != nullptr && std::fgets(line.data(), line.size(), maps.get()) != nullptr) {
        unsigned long long number = 0;
        if (std::strstr(line.data(), shared_folder) != nullptr &&
            std::sscanf(line.data(), "%*s %*s %*s %*s %llu", &number) == 1 && number == inode) {
            return true;
        }
    }
    return false;
}

/// With CAP_SYS_ADMIN the kernel says who makes a file; -1: it does not.
int watch_with_makers() {
    const int events = ::fanotify_init(
        FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_DFID_NAME, O_RDONLY);
    if (events >= 0 && ::fanotify_mark(events, FAN_MARK_ADD, FAN_CREATE | FAN_MOVED_TO, AT_FDCWD,
                                       shared_folder) != 0) {
        ::close(events);
        return -1;
    }
    return events;
}

/// Where a user has no more of them, nothing is known to be anybody's.
int watch_names() {
    const int events = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    (void)::inotify_add_watch(events, shared_folder, IN_CREATE | IN_MOVED_TO);
    return events;
}

template <typename Part>
Part part_at(const char* from) {
    Part part;
    std::memcpy(&part, from, sizeof(part));
    return part;
}

using Made = std::vector<std::pair<std::string, pid_t>>;

Made inotify_events(const char* from, const char* end) {
    Made made;
    while (from + sizeof(inotify_event) <= end) {
        const auto event = part_at<inotify_event>(from);
        made.emplace_back(event.len > 0 ? from + sizeof(event) : "", 0);
        from += sizeof(event) + event.len;
    }
    return made;
}

/// Each is followed by the folder's handle and the name.
Made fanotify_events(const char* from, const char* end) {
    Made made;
    while (from + sizeof(fanotify_event_metadata) <= end) {
        const auto event = part_at<fanotify_event_metadata>(from);
        const char* info = from + event.metadata_len;
        const auto header = part_at<fanotify_event_info_header>(info);
        if (header.info_type == FAN_EVENT_INFO_TYPE_DFID_NAME) {
            const char* handle = info + sizeof(header) + sizeof(fsid_t);
            constexpr std::size_t size_and_type = 8;
            made.emplace_back(handle + size_and_type + part_at<std::uint32_t>(handle), event.pid);
        }
        from += event.event_len;
    }
    return made;
}

/// Of all processes; by the time that it is asked those of the command have ended.
bool anybody_has(const struct stat& file) {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc"), ::closedir);
    while (const dirent* entry = folder != nullptr ? ::readdir(folder.get()) : nullptr) {
        const pid_t pid = std::atoi(entry->d_name);
        if (pid > 0 && (has_open(pid, file) || has_mapped(pid, file.st_ino))) {
            return true;
        }
    }
    return false;
}

}  // namespace

ShareWatch::ShareWatch()
    : with_makers_(watch_with_makers()), names_(with_makers_.is_open() ? -1 : watch_names()) {
    for_each_segment([this](const SharedSegment& segment) { before_.push_back(segment.id); });
}

void ShareWatch::take(const std::function<std::vector<pid_t>()>& pids) {
    alignas(fanotify_event_metadata) std::array<char, 8192> buffer;
    const FileDescriptor& events = with_makers_.is_open() ? with_makers_ : names_;
    ssize_t size = 0;
    while (events.is_open() && (size = events.read(buffer.data(), buffer.size())) > 0) {
        const std::vector<pid_t> processes = pids();
        const char* end = buffer.data() + size;
        for (const auto& [name, maker] : with_makers_.is_open()
                                             ? fanotify_events(buffer.data(), end)
                                             : inotify_events(buffer.data(), end)) {
            struct stat facts {};
            if (!name.empty() && ::lstat(path_of(name).c_str(), &facts) == 0 &&
                is_theirs(facts, maker, processes)) {
                theirs_.push_back({name, facts.st_dev, facts.st_ino});
            }
        }
    }
}

bool ShareWatch::is_theirs(const struct stat& file, pid_t maker,
                           const std::vector<pid_t>& processes) const {
    if (std::find(processes.begin(), processes.end(), maker) != processes.end() ||
        std::find(makers_.begin(), makers_.end(), maker) != makers_.end()) {
        return true;
    }
    return std::any_of(processes.begin(), processes.end(), [&](pid_t pid) {
        return has_open(pid, file) || has_mapped(pid, file.st_ino);
    });
}

void ShareWatch::remove_left(const Tell& tell) const {
    remove_files(tell);
    remove_segments(tell);
}

void ShareWatch::remove_files(const Tell& tell) const {
    for (const File& file : theirs_) {
        const std::string path = path_of(file.name);
        struct stat facts {};
        // It may be gone, and another be there under its name; or somebody else uses it, too.
        if (::lstat(path.c_str(), &facts) == 0 && facts.st_ino == file.inode &&
            facts.st_dev == file.device && !anybody_has(facts)) {
            SupervisorMessage message = share_residue(path.c_str(), bytes_on_disk(facts), 0);
            message.is_gone = ::unlink(path.c_str()) == 0 ? 1 : 0;
            tell(message);
        }
    }
}

void ShareWatch::remove_segments(const Tell& tell) const {
    // A pid comes again: what was there before is nobody's of these, whoever made it.
    const auto is_among = [](const auto& list, int number) {
        return std::find(list.begin(), list.end(), number) != list.end();
    };
    for_each_segment([&](const SharedSegment& segment) {
        if (is_among(before_, segment.id) || !is_among(makers_, segment.maker) ||
            segment.users > 0) {
            return;
        }
        const std::string name = "System V segment " + std::to_string(segment.id);
        SupervisorMessage message = share_residue(name.c_str(), segment.bytes, segment.maker);
        message.is_gone = ::shmctl(segment.id, IPC_RMID, nullptr) == 0 ? 1 : 0;
        tell(message);
    });
}

}  // namespace hexcore
