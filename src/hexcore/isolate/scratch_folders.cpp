#include "hexcore/isolate/scratch_folders.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>
#include <system_error>

#include "hexcore/base/file_descriptor.hpp"

namespace hexcore {
namespace {

constexpr const char* temporary_name = "tmp";

/// 0, or the errno that says why the folder takes no file as large as a report.
int why_no_room(const std::filesystem::path& folder) {
    const std::filesystem::path path = folder / "room";
    const FileDescriptor file(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
    if (!file.is_open()) {
        return file.open_error();
    }
    constexpr std::array<char, 8192> report{};
    const bool is_written = write_all(file.get(), {report.data(), report.size()});
    const int why = errno;
    ::unlink(path.c_str());
    return is_written ? 0 : why;
}

/// Removes what is in there but for `tmp`. False: something stays.
bool empty_out(const std::filesystem::path& folder) {
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(folder.c_str()), ::closedir);
    bool is_empty = entries != nullptr;
    while (const dirent* entry = entries != nullptr ? ::readdir(entries.get()) : nullptr) {
        const std::string_view name(entry->d_name);
        if (name == "." || name == ".." || name == temporary_name ||
            ::unlinkat(::dirfd(entries.get()), entry->d_name, 0) == 0) {
            continue;
        }
        std::error_code error;
        std::filesystem::remove_all(folder / name, error);
        is_empty = is_empty && !error;
    }
    return is_empty;
}

}  // namespace

Result<ScratchFolders::Folder> ScratchFolders::make() {
    Folder folder{.path = parent_ / std::to_string(made_++)};
    struct stat facts {};
    if (::mkdir(folder.path.c_str(), S_IRWXU | S_IRWXG | S_IRWXO) != 0 ||
        ::mkdir((folder.path / temporary_name).c_str(), S_IRWXU | S_IRWXG | S_IRWXO) != 0 ||
        ::lstat((folder.path / temporary_name).c_str(), &facts) != 0) {
        return fail(ErrorCode::does_not_fit,
                    "the test's folder {} cannot be made ({}); make room, or set TMPDIR",
                    folder.path.string(), std::strerror(errno));
    }
    folder.mode = facts.st_mode;
    folder.changed = facts.st_ctim;
    return folder;
}

Result<std::filesystem::path> ScratchFolders::take() {
    if (free_.empty()) {
        HEXCORE_TRY(made, make());
        free_.push_back(std::move(made));
    }
    Folder folder = std::move(free_.back());
    free_.pop_back();
    if (const int why = why_no_room(folder.path); why != 0) {
        remove_scratch(folder.path);
        return fail(ErrorCode::does_not_fit,
                    "there is no room for the test's files in {} ({}); make room, or set TMPDIR",
                    parent_.string(), std::strerror(why));
    }
    taken_.push_back(folder);
    return folder.path;
}

void ScratchFolders::give_back(const std::filesystem::path& folder) {
    const auto taken = std::find_if(taken_.begin(), taken_.end(),
                                    [&](const Folder& other) { return other.path == folder; });
    if (taken != taken_.end() && empty_out(folder) && is_as_it_was(*taken)) {
        free_.push_back(std::move(*taken));
    } else {
        remove_scratch(folder);
    }
    if (taken != taken_.end()) {
        taken_.erase(taken);
    }
}

bool ScratchFolders::is_as_it_was(const Folder& folder) const {
    struct stat itself {};
    struct stat temporary {};
    return ::lstat(folder.path.c_str(), &itself) == 0 && itself.st_mode == folder.mode &&
           ::lstat((folder.path / temporary_name).c_str(), &temporary) == 0 &&
           temporary.st_mode == folder.mode && temporary.st_ctim.tv_sec == folder.changed.tv_sec &&
           temporary.st_ctim.tv_nsec == folder.changed.tv_nsec;
}

void remove_scratch(const std::filesystem::path& folder) {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
}

}  // namespace hexcore
