#include "hexcore/recording/recordings_in_progress.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <tuple>
#include <utility>

#include "hexcore/base/state_home.hpp"
#include "hexcore/recording/file_lock.hpp"
#include "hexcore/recording/recordings_folder.hpp"

namespace hexcore {
namespace {

namespace fs = std::filesystem;

struct Noted {
    fs::path note;
    fs::path recording;
    timespec since{};
};

/// This user's notes, the oldest first.
std::vector<Noted> read_notes(const fs::path& notes) {
    std::vector<Noted> found;
    std::error_code error;
    for (fs::directory_iterator entry(notes, error), end; !error && entry != end;
         entry.increment(error)) {
        struct stat facts {};
        if (::lstat(entry->path().c_str(), &facts) != 0 || !S_ISLNK(facts.st_mode) ||
            facts.st_uid != ::geteuid()) {
            continue;
        }
        std::error_code unreadable;
        found.push_back(
            {entry->path(), fs::read_symlink(entry->path(), unreadable), facts.st_mtim});
    }
    std::sort(found.begin(), found.end(), [](const Noted& a, const Noted& b) {
        return std::tie(a.since.tv_sec, a.since.tv_nsec, a.note) <
               std::tie(b.since.tv_sec, b.since.tv_nsec, b.note);
    });
    return found;
}

/// Empty where nothing is noted.
fs::path viewers_of(const fs::path& notes) {
    return notes.empty() ? fs::path() : notes.parent_path() / "viewers";
}

FileDescriptor open_viewers(const fs::path& notes) {
    std::error_code error;
    fs::create_directories(notes.parent_path(), error);
    return FileDescriptor(
        ::open(viewers_of(notes).c_str(), O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
}

}  // namespace

fs::path recording_notes() {
    const fs::path state = state_home();
    return state.empty() ? fs::path() : state / "watching";
}

RecordingNote::RecordingNote(const fs::path& notes, const fs::path& recording) {
    std::error_code error;
    const fs::path target = fs::absolute(recording, error);
    if (notes.empty() || error) {
        return;
    }
    fs::create_directories(notes.parent_path(), error);
    (void)::mkdir(notes.c_str(), 0700);
    constexpr int most_of_a_process = 100;
    for (int number = 0; number < most_of_a_process && link_.empty(); ++number) {
        fs::path link = notes / fmt::format("{}-{}", ::getpid(), number);
        if (::symlink(target.c_str(), link.c_str()) == 0) {
            link_ = std::move(link);
        } else if (errno != EEXIST) {
            return;
        }
    }
}

RecordingNote::RecordingNote(RecordingNote&& other) noexcept
    : link_(std::exchange(other.link_, {})) {}

RecordingNote& RecordingNote::operator=(RecordingNote&& other) noexcept {
    std::swap(link_, other.link_);
    return *this;
}

RecordingNote::~RecordingNote() {
    if (!link_.empty()) {
        ::unlink(link_.c_str());
    }
}

RecordingViewer::RecordingViewer(const fs::path& notes) : lock_(open_viewers(notes)) {
    if (lock_.is_open()) {
        (void)lock_file(lock_, FileLock::shared);
    }
}

bool are_recordings_viewed(const fs::path& notes) {
    const FileDescriptor lock(
        ::open(viewers_of(notes).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    return lock.is_open() && is_file_locked(lock);
}

std::vector<fs::path> recordings_in_progress(const fs::path& notes) {
    std::vector<fs::path> recordings;
    for (Noted& noted : read_notes(notes)) {
        if (is_being_written(noted.recording)) {
            recordings.push_back(std::move(noted.recording));
        } else {
            ::unlink(noted.note.c_str());
        }
    }
    return recordings;
}

}  // namespace hexcore
