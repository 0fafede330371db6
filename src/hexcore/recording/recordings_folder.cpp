#include "hexcore/recording/recordings_folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <system_error>
#include <vector>

#include "hexcore/base/state_home.hpp"
#include "hexcore/recording/file_lock.hpp"
#include "hexcore/recording/replaceable.hpp"

namespace hexcore {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view suffix = ".hxr";

/// The letters and digits of a program's name: it may be anything.
std::string plain_name(std::string_view program) {
    constexpr std::size_t longest = 32;
    program = program.substr(program.rfind('/') + 1);
    std::string name;
    for (const char letter : program.substr(0, longest)) {
        const bool is_plain = std::isalnum(static_cast<unsigned char>(letter)) != 0 ||
                              letter == '-' || letter == '_' || letter == '.';
        name += is_plain ? letter : '_';
    }
    return name.empty() ? "command" : name;
}

std::string local_time_text() {
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    ::localtime_r(&now, &local);
    std::array<char, 32> text{};
    const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%d-%H%M%S", &local);
    return {text.data(), size};
}

struct KeptFile {
    fs::path path;
    timespec modified{};
    Bytes bytes;
};

bool is_older(const KeptFile& a, const KeptFile& b) {
    return a.modified.tv_sec != b.modified.tv_sec ? a.modified.tv_sec < b.modified.tv_sec
                                                  : a.modified.tv_nsec < b.modified.tv_nsec;
}

/// This user's recordings in the folder, the oldest first.
std::vector<KeptFile> recordings_in(const fs::path& folder) {
    std::vector<KeptFile> files;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
        struct stat facts {};
        if (entry->path().extension() == suffix && ::lstat(entry->path().c_str(), &facts) == 0 &&
            S_ISREG(facts.st_mode) && facts.st_uid == ::geteuid()) {
            files.push_back(
                {entry->path(), facts.st_mtim, Bytes(static_cast<std::uint64_t>(facts.st_size))});
        }
    }
    std::sort(files.begin(), files.end(), is_older);
    return files;
}

}  // namespace

fs::path default_recordings_folder() {
    const fs::path state = state_home();
    return state.empty() ? fs::path() : state / "recordings";
}

bool is_being_written(const fs::path& path) {
    // The writer has its lock. What is no file is nobody's recording, and is not waited for.
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat facts {};
    return file.is_open() && ::fstat(file.get(), &facts) == 0 && S_ISREG(facts.st_mode) &&
           facts.st_uid == ::geteuid() && is_file_locked(file);
}

Result<NewRecording> new_recording(const fs::path& folder, std::string_view program) {
    if (folder.empty()) {
        const std::string why = find_state_home().why_elsewhere;
        return fail(ErrorCode::negative, "{}",
                    why.empty() ? "neither HOME nor XDG_STATE_HOME names a folder for it" : why);
    }
    std::error_code error;
    fs::create_directories(folder.parent_path(), error);
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
        return fail(ErrorCode::negative, "the folder {} cannot be made: {}", folder.string(),
                    std::strerror(errno));
    }
    const std::string name = local_time_text() + "-" + plain_name(program);
    constexpr int most_at_once = 1000;
    for (int number = 1; number <= most_at_once; ++number) {
        const std::string count = number == 1 ? "" : fmt::format("-{}", number);
        const fs::path path = folder / (name + count + std::string(suffix));
        FileDescriptor file(
            ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (file.is_open()) {
            (void)lock_file(file, FileLock::exclusive);
            return NewRecording{path, std::move(file)};
        }
        if (file.open_error() != EEXIST) {
            break;
        }
    }
    return fail(ErrorCode::negative, "no file can be made in {}: {}", folder.string(),
                std::strerror(errno));
}

Result<NewRecording> recording_at(const fs::path& path) {
    constexpr int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK;
    const int made = ::open(path.c_str(), flags | O_EXCL, 0600);
    FileDescriptor file(made >= 0 ? made : ::open(path.c_str(), flags, 0600));
    struct stat facts {};
    if (!file.is_open() || ::fstat(file.get(), &facts) != 0) {
        return fail(ErrorCode::usage, "{} cannot be written: {}", path.string(),
                    std::strerror(errno));
    }
    if (!S_ISREG(facts.st_mode)) {
        return fail(ErrorCode::usage, "{} is no file, and a recording is one", path.string());
    }
    HEXCORE_TRY_VOID(replaceable_by_recording(path));
    if (!lock_file(file, FileLock::exclusive)) {
        return fail(ErrorCode::usage, "{} is being written by another watch", path.string());
    }
    return NewRecording{path, std::move(file), made >= 0};
}

void prune_recordings(const fs::path& folder, const RecordingsKept& kept) {
    const std::vector<KeptFile> files = recordings_in(folder);
    Bytes total;
    for (const KeptFile& file : files) {
        total += file.bytes;
    }
    const std::time_t oldest =
        std::time(nullptr) - std::chrono::duration_cast<std::chrono::seconds>(kept.age).count();
    for (const KeptFile& file : files) {
        const bool is_kept = total <= kept.bytes && file.modified.tv_sec >= oldest;
        if (!is_kept && !is_being_written(file.path)) {
            std::error_code error;
            fs::remove(file.path, error);  // another watch may be at it, too
            total -= file.bytes;
        }
    }
}

Result<fs::path> newest_recording(const fs::path& folder) {
    const std::vector<KeptFile> files = recordings_in(folder);
    if (files.empty()) {
        return fail(ErrorCode::bad_input, "there is no recording in {}; make one, or name a file",
                    folder.empty() ? "the folder of your state" : folder.string());
    }
    return files.back().path;
}

}  // namespace hexcore
