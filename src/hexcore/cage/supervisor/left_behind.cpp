#include "hexcore/cage/supervisor/left_behind.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/cage/outcome.hpp"

namespace hexcore {
namespace {

constexpr int residues_max = 64;

/// A small file of the kernel's, up to `size` bytes with the zero byte behind them.
template <std::size_t size>
std::array<char, size> start_of(const char* path) {
    std::array<char, size> text{};
    const FileDescriptor file(path);
    if (file.is_open()) {
        (void)file.read(text.data(), size - 1);
    }
    return text;
}

int remove_folder(const char* path, const struct stat* /*facts*/, int type, FTW* /*where*/) {
    return type == FTW_DP ? (::rmdir(path), 0) : 0;
}

int remove_entry(const char* path, const struct stat* /*facts*/, int type, FTW* /*where*/) {
    (void)(type == FTW_DP ? ::rmdir(path) : ::unlink(path));
    return 0;
}

}  // namespace

SupervisorMessage process_residue(pid_t pid) {
    SupervisorMessage message{.note = SupervisorNote::residue,
                              .pid = pid,
                              .kind = static_cast<std::uint32_t>(Residue::Kind::process)};
    std::array<char, 64> path{};
    (void)std::snprintf(path.data(), path.size(), "/proc/%d/comm", pid);
    const auto name = start_of<64>(path.data());
    std::memcpy(message.name.data(), name.data(), std::strcspn(name.data(), "\n"));
    // `SIZE RESIDENT SHARED ...` in pages; without files that others have mapped, too.
    (void)std::snprintf(path.data(), path.size(), "/proc/%d/statm", pid);
    unsigned long long resident = 0;
    unsigned long long shared = 0;
    if (std::sscanf(start_of<128>(path.data()).data(), "%*u %llu %llu", &resident, &shared) == 2) {
        message.bytes = (resident - std::min(resident, shared)) *
                        static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    }
    return message;
}

bool take_own_shares() {
    return ::unshare(CLONE_NEWNS | CLONE_NEWIPC) == 0 &&
           ::mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0 &&
           ::mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") == 0;
}

SupervisorMessage share_residue(const char* name, std::uint64_t bytes, pid_t maker) {
    SupervisorMessage message{.note = SupervisorNote::residue,
                              .pid = maker,
                              .kind = static_cast<std::uint32_t>(Residue::Kind::shared_memory),
                              .bytes = bytes};
    std::memcpy(message.name.data(), name, std::min(message.name.size() - 1, std::strlen(name)));
    return message;
}

std::uint64_t bytes_on_disk(const struct stat& facts) {
    constexpr std::uint64_t block = 512;
    return static_cast<std::uint64_t>(facts.st_blocks) * block;
}

void for_each_segment(const std::function<void(const SharedSegment&)>& visit) {
    // `key shmid perms size cpid lpid nattch uid gid cuid cgid atime dtime ctime rss swap`
    const std::unique_ptr<FILE, int (*)(FILE*)> segments(std::fopen("/proc/sysvipc/shm", "re"),
                                                         std::fclose);
    std::array<char, 512> line{};
    while (segments != nullptr && std::fgets(line.data(), line.size(), segments.get()) != nullptr) {
        SharedSegment segment;
        unsigned long long bytes = 0;
        if (std::sscanf(line.data(), "%*d %d %*o %*u %d %*d %u %*u %*u %*u %*u %*u %*u %*u %llu",
                        &segment.id, &segment.maker, &segment.users, &bytes) == 4) {
            segment.bytes = bytes;
            visit(segment);
        }
    }
}

void tell_own_shares(const std::function<void(const SupervisorMessage&)>& tell) {
    int told = 0;
    const auto tell_one = [&](const std::string& name, std::uint64_t bytes, pid_t maker) {
        if (told++ < residues_max) {
            tell(share_residue(name.c_str(), bytes, maker));
        }
    };
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/dev/shm"), ::closedir);
    while (const dirent* entry = folder != nullptr ? ::readdir(folder.get()) : nullptr) {
        const std::string name = entry->d_name;
        struct stat facts {};
        if (name != "." && name != ".." &&
            ::fstatat(::dirfd(folder.get()), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) == 0) {
            tell_one("/dev/shm/" + name, bytes_on_disk(facts), 0);
        }
    }
    for_each_segment([&](const SharedSegment& segment) {
        tell_one("System V segment " + std::to_string(segment.id), segment.bytes, segment.maker);
    });
}

void remove_groups(const char* folder) {
    constexpr int open_folders = 16;
    (void)::nftw(folder, remove_folder, open_folders, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

void remove_tree(const char* folder) {
    constexpr int open_folders = 16;
    (void)::nftw(folder, remove_entry, open_folders, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

void remove_folder_of_run(const char* scratch) {
    constexpr std::string_view begin = "hexcore-test-";
    constexpr std::size_t end_size = 6;
    const std::string folder(scratch, std::string_view(scratch).rfind('/') + 1);
    const std::size_t name_size = begin.size() + end_size;
    if (folder.size() <= name_size + 1 || folder[folder.size() - name_size - 2] != '/' ||
        folder.compare(folder.size() - name_size - 1, begin.size(), begin) != 0) {
        return;
    }
    // A run that lives has it locked.
    const FileDescriptor lock(
        ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (lock.is_open() && ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) {
        remove_groups(folder.substr(0, folder.size() - 1).c_str());
    }
}

}  // namespace hexcore
