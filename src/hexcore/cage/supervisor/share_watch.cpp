#include "hexcore/cage/supervisor/share_watch.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>

#include "hexcore/cage/supervisor/left_behind.hpp"

namespace hexcore {
namespace {

constexpr const char* shared_folder = "/dev/shm";

std::string path_of(const std::string& name) { return std::string(shared_folder) + "/" + name; }

bool has_open(pid_t pid, ino_t inode) {
    const std::string folder = "/proc/" + std::to_string(pid) + "/fd";
    const std::unique_ptr<DIR, int (*)(DIR*)> files(::opendir(folder.c_str()), ::closedir);
    while (const dirent* entry = files != nullptr ? ::readdir(files.get()) : nullptr) {
        struct stat facts {};
        if (entry->d_name[0] != '.' &&
            ::fstatat(::dirfd(files.get()), entry->d_name, &facts, 0) == 0 &&
            facts.st_ino == inode && S_ISREG(facts.st_mode)) {
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

}  // namespace

ShareWatch::ShareWatch() : events_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
    // Where a user has no more of them, nothing is known to be anybody's.
    (void)::inotify_add_watch(events_.get(), shared_folder, IN_CREATE | IN_MOVED_TO);
}

void ShareWatch::take(const std::function<std::vector<pid_t>()>& pids) {
    alignas(inotify_event) std::array<char, 8192> buffer;
    ssize_t size = 0;
    while (events_.is_open() && (size = events_.read(buffer.data(), buffer.size())) > 0) {
        const std::vector<pid_t> processes = pids();
        for (ssize_t at = 0; at < size;) {
            inotify_event event{};
            std::memcpy(&event, buffer.data() + at, sizeof(event));
            const std::string name = event.len > 0 ? buffer.data() + at + sizeof(event) : "";
            at += static_cast<ssize_t>(sizeof(event) + event.len);
            struct stat facts {};
            if (name.empty() || ::lstat(path_of(name).c_str(), &facts) != 0) {
                continue;
            }
            const bool is_theirs = std::any_of(processes.begin(), processes.end(), [&](pid_t pid) {
                return has_open(pid, facts.st_ino) || has_mapped(pid, facts.st_ino);
            });
            if (is_theirs) {
                theirs_.push_back(name);
            }
        }
    }
}

void ShareWatch::remove_left(const Tell& tell) const {
    remove_files(tell);
    remove_segments(tell);
}

void ShareWatch::remove_files(const Tell& tell) const {
    for (const std::string& name : theirs_) {
        const std::string path = path_of(name);
        struct stat facts {};
        if (::lstat(path.c_str(), &facts) == 0) {
            SupervisorMessage message = share_residue(path.c_str(), bytes_on_disk(facts), 0);
            message.is_gone = ::unlink(path.c_str()) == 0 ? 1 : 0;
            tell(message);
        }
    }
}

void ShareWatch::remove_segments(const Tell& tell) const {
    for_each_segment([&](int id, pid_t maker, std::uint64_t bytes) {
        if (std::find(makers_.begin(), makers_.end(), maker) == makers_.end()) {
            return;
        }
        const std::string name = "System V segment " + std::to_string(id);
        SupervisorMessage message = share_residue(name.c_str(), bytes, maker);
        message.is_gone = ::shmctl(id, IPC_RMID, nullptr) == 0 ? 1 : 0;
        tell(message);
    });
}

}  // namespace hexcore
