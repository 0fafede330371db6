#include "hexcore/session/state_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <string>
#include <system_error>

#include "hexcore/base/state_home.hpp"

namespace hexcore {
namespace {

namespace fs = std::filesystem;

// A folder has its final name once it has its lock, so that nobody takes it for a dead one's.
constexpr const char* prefix = "run-";
constexpr const char* new_prefix = "new-";
constexpr const char* lock_name = "lock";
// Between its two names a folder has no lock for some microseconds.
constexpr std::time_t new_for_s = 60;

/// The lock of a folder, where nobody has it.
FileDescriptor free_lock(const fs::path& folder, int flags) {
    FileDescriptor file(::open((folder / lock_name).c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (file.is_open() && ::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        return FileDescriptor(-1);
    }
    return file;
}

/// Nobody but this user and root can put something else in the place of what is in the folder.
bool is_trusted(const fs::path& base) {
    struct stat facts {};
    return ::stat(base.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode) &&
           (facts.st_uid == ::geteuid() || facts.st_uid == 0);
}

bool is_left(const fs::path& folder) {
    struct stat facts {};
    if (::lstat(folder.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode) ||
        facts.st_uid != ::geteuid()) {
        return false;
    }
    const std::string name = folder.filename().string();
    const bool is_old_enough =
        name.starts_with(prefix) ||
        (name.starts_with(new_prefix) && facts.st_mtime + new_for_s < std::time(nullptr));
    if (!is_old_enough) {
        return false;
    }
    // Without a lock its removal was begun, and did not end.
    return ::access((folder / lock_name).c_str(), F_OK) != 0 || free_lock(folder, O_RDWR).is_open();
}

tl::unexpected<Error> cannot_make(const fs::path& path, int error) {
    return fail(ErrorCode::negative, "cannot make the folder {} for parked sessions: {}",
                path.string(), std::strerror(error));
}

}  // namespace

fs::path default_parking_folder() {
    const fs::path state = state_home();
    return state.empty() ? fs::path() : state / "parked";
}

std::vector<fs::path> left_state_folders(const fs::path& base) {
    std::vector<fs::path> left;
    if (!is_trusted(base)) {
        return left;
    }
    std::error_code error;
    for (fs::directory_iterator entry(base, error), end; !error && entry != end;
         entry.increment(error)) {
        if (is_left(entry->path())) {
            left.push_back(entry->path());
        }
    }
    return left;
}

Result<void> remove_left_state_folder(const fs::path& folder) {
    if (!is_trusted(folder.parent_path()) || !is_left(folder)) {
        return fail(ErrorCode::negative, "{} is no folder that a dead process left",
                    folder.string());
    }
    std::error_code error;
    fs::remove_all(folder, error);
    if (error) {
        return fail(ErrorCode::negative, "cannot remove {}: {}", folder.string(), error.message());
    }
    return {};
}

Result<StateFolder> StateFolder::make(const fs::path& base) {
    if (base.empty()) {
        return fail(ErrorCode::negative,
                    "there is no folder for parked sessions: neither HOME nor XDG_STATE_HOME names "
                    "one");
    }
    std::error_code error;
    fs::create_directories(base, error);
    if (error) {
        return cannot_make(base, error.value());
    }
    for (const fs::path& left : left_state_folders(base)) {
        (void)remove_left_state_folder(left);  // another process may be at it, too
    }
    std::string name = (base / "new-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {  // mode 0700
        return cannot_make(name, errno);
    }
    FileDescriptor lock = free_lock(name, O_RDWR | O_CREAT);
    const int lock_error = errno;
    const fs::path path = base / (prefix + name.substr(name.size() - 6));
    if (lock.is_open()) {
        fs::rename(name, path, error);
    }
    if (!lock.is_open() || error) {
        const int why = lock.is_open() ? error.value() : lock_error;
        fs::remove_all(name, error);
        return cannot_make(path, why);
    }
    return StateFolder(path, std::move(lock));
}

StateFolder::~StateFolder() {
    if (lock_.is_open()) {
        std::error_code error;
        fs::remove_all(path_, error);
    }
}

}  // namespace hexcore
