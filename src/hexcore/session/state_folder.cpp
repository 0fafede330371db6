#include "hexcore/session/state_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>

namespace hexcore {
namespace {

namespace fs = std::filesystem;

// A folder has its final name once it has its lock, so that nobody takes it for a dead one's.
constexpr const char* prefix = "run-";
constexpr const char* lock_name = "lock";

/// The lock of a folder, where nobody has it.
FileDescriptor free_lock(const fs::path& folder, int flags) {
    FileDescriptor file(::open((folder / lock_name).c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (file.is_open() && ::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        return FileDescriptor(-1);
    }
    return file;
}

tl::unexpected<Error> cannot_make(const fs::path& path, int error) {
    return fail(ErrorCode::negative, "cannot make the folder {} for parked sessions: {}",
                path.string(), std::strerror(error));
}

}  // namespace

fs::path default_parking_folder() {
    const char* state = std::getenv("XDG_STATE_HOME");
    if (state != nullptr && *state == '/') {
        return fs::path(state) / "hexcore" / "parked";
    }
    const char* home = std::getenv("HOME");
    return fs::path(home != nullptr && *home == '/' ? home : "/tmp") / ".local" / "state" /
           "hexcore" / "parked";
}

std::vector<fs::path> left_state_folders(const fs::path& base) {
    std::vector<fs::path> left;
    std::error_code error;
    for (fs::directory_iterator entry(base, error), end; !error && entry != end;
         entry.increment(error)) {
        struct stat facts {};
        const fs::path& path = entry->path();
        const bool is_ours = path.filename().string().starts_with(prefix) &&
                             ::lstat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode) &&
                             facts.st_uid == ::geteuid();
        if (is_ours && free_lock(path, O_RDWR).is_open()) {
            left.push_back(path);
        }
    }
    return left;
}

Result<StateFolder> StateFolder::make(const fs::path& base) {
    std::error_code error;
    fs::create_directories(base, error);
    if (error) {
        return cannot_make(base, error.value());
    }
    for (const fs::path& left : left_state_folders(base)) {
        fs::remove_all(left, error);  // another process may be at it, too
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
