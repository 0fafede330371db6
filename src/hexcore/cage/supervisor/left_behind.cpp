#include "hexcore/cage/supervisor/left_behind.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <memory>

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

void tell_own_shares(void (*tell)(const SupervisorMessage& message, int control), int control) {
    int told = 0;
    const auto tell_one = [&](const char* name, std::uint64_t bytes, pid_t maker) {
        SupervisorMessage message{.note = SupervisorNote::residue,
                                  .pid = maker,
                                  .kind = static_cast<std::uint32_t>(Residue::Kind::shared_memory),
                                  .bytes = bytes};
        std::memcpy(message.name.data(), name,
                    std::min(message.name.size() - 1, std::strlen(name)));
        if (told++ < residues_max) {
            tell(message, control);
        }
    };
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/dev/shm"), ::closedir);
    while (const dirent* entry = folder != nullptr ? ::readdir(folder.get()) : nullptr) {
        struct stat facts {};
        if (entry->d_name[0] != '.' || std::strlen(entry->d_name) > 2) {
            constexpr std::uint64_t block = 512;
            (void)::fstatat(::dirfd(folder.get()), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW);
            std::array<char, 300> name{};
            (void)std::snprintf(name.data(), name.size(), "/dev/shm/%s", entry->d_name);
            tell_one(name.data(), static_cast<std::uint64_t>(facts.st_blocks) * block, 0);
        }
    }
    // `key shmid perms size cpid lpid nattch uid gid cuid cgid atime dtime ctime rss swap`
    const std::unique_ptr<FILE, int (*)(FILE*)> segments(std::fopen("/proc/sysvipc/shm", "re"),
                                                         std::fclose);
    std::array<char, 512> line{};
    while (segments != nullptr && std::fgets(line.data(), line.size(), segments.get()) != nullptr) {
        int id = 0;
        int maker = 0;
        unsigned long long bytes = 0;
        if (std::sscanf(line.data(), "%*d %d %*o %*u %d %*d %*u %*u %*u %*u %*u %*u %*u %*u %llu",
                        &id, &maker, &bytes) == 3) {
            std::array<char, 64> name{};
            (void)std::snprintf(name.data(), name.size(), "System V segment %d", id);
            tell_one(name.data(), bytes, maker);
        }
    }
}

void remove_empty_folders(const char* folder) {
    const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder), ::closedir);
    while (const dirent* entry = open != nullptr ? ::readdir(open.get()) : nullptr) {
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.') {
            ::unlinkat(::dirfd(open.get()), entry->d_name, AT_REMOVEDIR);
        }
    }
    ::rmdir(folder);
}

void remove_tree(const char* folder) {
    constexpr int open_folders = 16;
    (void)::nftw(folder, remove_entry, open_folders, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

}  // namespace hexcore
