#include "hexcore/isolate/temporary_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <system_error>

namespace hexcore {
namespace {

std::filesystem::path place_of_folders() {
    std::error_code error;
    const std::filesystem::path place = std::filesystem::temp_directory_path(error);
    return error ? "/tmp" : place;
}

/// Opens a folder of this user's, and no link to one; not open where it is none.
FileDescriptor open_folder(const std::filesystem::path& path) {
    FileDescriptor folder(
        ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    struct stat facts {};
    if (folder.is_open() && ::fstat(folder.get(), &facts) == 0 && facts.st_uid == ::geteuid()) {
        return folder;
    }
    return FileDescriptor(-1);
}

/// Whether `path` still is the folder that is open.
bool is_still_there(const std::filesystem::path& path, const FileDescriptor& folder) {
    struct stat now {};
    struct stat opened {};
    return ::lstat(path.c_str(), &now) == 0 && ::fstat(folder.get(), &opened) == 0 &&
           now.st_ino == opened.st_ino && now.st_dev == opened.st_dev;
}

/// A list of tests that finds no room would be no list.
Result<void> prove_room(const std::filesystem::path& folder) {
    const std::filesystem::path file = folder / "room";
    constexpr std::size_t size_of_a_list = 4096;
    std::ofstream written(file, std::ios::binary);
    written << std::string(size_of_a_list, ' ');
    written.close();
    std::error_code ignored;
    std::filesystem::remove(file, ignored);
    if (written.fail()) {
        return fail(ErrorCode::usage, "there is no room for files in {}; make room, or set TMPDIR",
                    folder.parent_path().string());
    }
    return {};
}

}  // namespace

Result<TemporaryFolder> TemporaryFolder::make(const std::string& kind) {
    // One that is made and not yet locked may be taken for abandoned, and is gone then.
    constexpr int tries = 100;
    const std::filesystem::path place = place_of_folders();
    for (int i = 0; i < tries; ++i) {
        std::string name = (place / ("hexcore-" + kind + "-XXXXXX")).string();
        if (::mkdtemp(name.data()) == nullptr) {
            return fail(ErrorCode::usage,
                        "no folder can be made as {}: {}; set TMPDIR to one where it can", name,
                        std::strerror(errno));
        }
        FileDescriptor lock = open_folder(name);
        if (lock.is_open() && ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0 &&
            is_still_there(name, lock)) {
            TemporaryFolder folder(name, std::move(lock));
            HEXCORE_TRY_VOID(prove_room(folder.path()));
            return folder;
        }
    }
    return fail(ErrorCode::usage, "no folder in {} can be kept; set TMPDIR to another one",
                place.string());
}

TemporaryFolder::TemporaryFolder(TemporaryFolder&& other) noexcept
    : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)) {}

TemporaryFolder::~TemporaryFolder() {
    if (!path_.empty()) {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
}

void remove_abandoned_folders(const std::string& kind) {
    const std::string begin = "hexcore-" + kind + "-";
    std::error_code error;
    auto entry = std::filesystem::directory_iterator(place_of_folders(), error);
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        if (!name.starts_with(begin) || name.size() != begin.size() + std::strlen("XXXXXX")) {
            continue;
        }
        const FileDescriptor folder = open_folder(entry->path());
        if (folder.is_open() && ::flock(folder.get(), LOCK_EX | LOCK_NB) == 0 &&
            is_still_there(entry->path(), folder)) {
            std::error_code ignored;
            std::filesystem::remove_all(entry->path(), ignored);
        }
    }
}

}  // namespace hexcore
