#include "hexcore/track/watch_folder.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <system_error>
#include <utility>

#include "hexcore/base/runtime_home.hpp"
#include "hexcore/track/ring.hpp"

namespace hexcore {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view prefix = "watch-";

/// Its lock, if nobody has it.
FileDescriptor lock_of(const fs::path& folder, int flags) {
    FileDescriptor file(::open((folder / watcher_file).c_str(),
                               O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0600));
    if (file.is_open() && ::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        return FileDescriptor(-1);
    }
    return file;
}

}  // namespace

fs::path watch_folders_home() { return runtime_home(); }

Result<std::unique_ptr<WatchFolder>> WatchFolder::make() {
    const fs::path home = watch_folders_home();
    if (!make_private_folder(home)) {
        return fail(ErrorCode::negative, "{} is no folder of this user's alone", home.string());
    }
    // Under another name until it is locked: it is nobody's leftover meanwhile.
    std::string unborn = (home / "new-XXXXXX").string();
    if (::mkdtemp(unborn.data()) == nullptr) {
        return fail(ErrorCode::negative, "no folder can be made in {}: {}", home.string(),
                    std::strerror(errno));
    }
    FileDescriptor lock = lock_of(unborn, O_CREAT | O_EXCL);
    const fs::path path =
        home / fmt::format("{}{}-{}", prefix, ::getpid(), unborn.substr(unborn.size() - 6));
    if (!lock.is_open() || ::rename(unborn.c_str(), path.c_str()) != 0) {
        std::error_code error;
        fs::remove_all(unborn, error);
        return fail(ErrorCode::negative, "no file can be made in {}", home.string());
    }
    return std::unique_ptr<WatchFolder>(new WatchFolder(path, std::move(lock)));
}

/// All of this process; never ends, as children may be forked until its end.
struct WatchFolder::OfProcess {
    std::mutex mutex;
    std::vector<WatchFolder*> folders;

    OfProcess() {
        ::pthread_atfork([] { all().mutex.lock(); }, [] { all().mutex.unlock(); },
                         [] {
                             for (WatchFolder* folder : all().folders) {
                                 folder->lock_.reset();
                             }
                             all().mutex.unlock();
                         });
    }
    static OfProcess& all() {
        static auto& of_process = *new OfProcess;
        return of_process;
    }
};

WatchFolder::WatchFolder(fs::path path, FileDescriptor lock)
    : path_(std::move(path)), lock_(std::move(lock)), owner_(::getpid()) {
    OfProcess& all = OfProcess::all();
    const std::lock_guard alone(all.mutex);
    all.folders.push_back(this);
}

WatchFolder::~WatchFolder() {
    {
        OfProcess& all = OfProcess::all();
        const std::lock_guard alone(all.mutex);
        std::erase(all.folders, this);
    }
    if (::getpid() == owner_) {
        std::error_code error;
        fs::remove_all(path_, error);
    }
}

std::vector<fs::path> left_watch_folders(const fs::path& home) {
    std::vector<fs::path> left;
    std::error_code error;
    for (fs::directory_iterator entry(home, error), end; !error && entry != end;
         entry.increment(error)) {
        struct stat facts {};
        const bool is_ours = entry->path().filename().string().starts_with(prefix) &&
                             ::lstat(entry->path().c_str(), &facts) == 0 &&
                             S_ISDIR(facts.st_mode) && facts.st_uid == ::geteuid();
        if (is_ours && lock_of(entry->path(), 0).is_open()) {
            left.push_back(entry->path());
        }
    }
    std::sort(left.begin(), left.end());
    return left;
}

Result<void> remove_left_watch_folder(const fs::path& folder) {
    const FileDescriptor lock = lock_of(folder, 0);
    std::error_code error;
    if (!lock.is_open() || !folder.filename().string().starts_with(prefix)) {
        return fail(ErrorCode::negative, "{} is watched by now", folder.string());
    }
    fs::remove_all(folder, error);
    if (error) {
        return fail(ErrorCode::negative, "cannot remove {}: {}", folder.string(), error.message());
    }
    return {};
}

}  // namespace hexcore
