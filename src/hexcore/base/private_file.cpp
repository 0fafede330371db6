#include "hexcore/base/private_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "hexcore/base/state_home.hpp"
#include "hexcore/base/write_place.hpp"

namespace hexcore {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view beside_mark = ".hexcore-";
constexpr std::string_view random_characters = "abcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::size_t random_size = 6;
// Between being made and being locked a file is empty, and its note leads nowhere, for some
// microseconds.
constexpr std::time_t begun_for_s = 60;

std::string random_end() {
    std::random_device device;
    std::uniform_int_distribution<std::size_t> any(0, random_characters.size() - 1);
    std::string end(random_size, ' ');
    for (char& character : end) {
        character = random_characters[any(device)];
    }
    return end;
}

bool is_beside_name(std::string_view name) {
    const std::size_t tail = beside_mark.size() + random_size;
    return name.size() > tail && name.substr(name.size() - tail).starts_with(beside_mark) &&
           name.substr(name.size() - random_size).find_first_not_of(random_characters) ==
               std::string_view::npos;
}

/// A file that a dead process was writing, locked against others who find it; not open: none.
FileDescriptor lock_left(const fs::path& file) {
    FileDescriptor none(-1);
    struct stat facts {};
    if (!is_beside_name(file.filename().string()) || ::lstat(file.c_str(), &facts) != 0 ||
        !S_ISREG(facts.st_mode) || facts.st_uid != ::geteuid() ||
        (facts.st_size == 0 && facts.st_mtime + begun_for_s > std::time(nullptr))) {
        return none;
    }
    FileDescriptor open(::open(file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    return open.is_open() && ::flock(open.get(), LOCK_EX | LOCK_NB) == 0 ? std::move(open)
                                                                         : std::move(none);
}

/// A link to a file that is going to be made; empty: it could not be.
fs::path make_note(const fs::path& beside) {
    const fs::path notes = private_file_notes();
    if (notes.empty()) {
        return {};
    }
    std::error_code error;
    fs::create_directories(notes, error);
    fs::path note = notes / random_end();
    fs::create_symlink(fs::absolute(beside, error), note, error);
    return error ? fs::path() : note;
}

bool sync_folder(const fs::path& folder) {
    const FileDescriptor open(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // Some file systems have no such call for folders.
    return open.is_open() && (::fsync(open.get()) == 0 || errno == EINVAL);
}

}  // namespace

fs::path private_file_notes() {
    const fs::path state = state_home();
    return state.empty() ? fs::path() : state / "unfinished";
}

PrivateFile::PrivateFile(WritePlace place, Durability durability, Readers readers)
    : place_(std::move(place)),
      beside_(place_.path.string() + std::string(beside_mark) + random_end()),
      durability_(durability),
      readers_(readers),
      note_(durability == Durability::machine ? make_note(beside_) : fs::path()),
      file_(::open(beside_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) {
    if (file_.is_open()) {
        (void)::flock(file_.get(), LOCK_EX);
    }
}

PrivateFile::~PrivateFile() {
    if (file_.is_open() && !beside_.empty()) {
        ::unlink(beside_.c_str());
    }
    if (!note_.empty()) {
        ::unlink(note_.c_str());
    }
}

Result<PrivateFile> PrivateFile::begin(const fs::path& path, Durability durability,
                                       Readers readers) {
    HEXCORE_TRY(place, write_place(path));
    if (place.kind == WritePlace::Kind::folder) {
        errno = EISDIR;
        return cannot_write(path);
    }
    if (place.kind == WritePlace::Kind::stream) {
        return fail(ErrorCode::negative, "cannot write {}: it is no file", path.string());
    }
    if (durability == Durability::machine) {
        for (const fs::path& left : left_private_files(place.path)) {
            (void)remove_left_private_file(left);  // another process may be at it, too
        }
    }
    for (;;) {
        PrivateFile file(place, durability, readers);
        if (file.file_.is_open()) {
            return file;
        }
        if (errno = file.file_.open_error(); errno != EEXIST) {
            return cannot_write(place.path);
        }
    }
}

Result<void> PrivateFile::write(std::span<const std::byte> bytes) const {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (!write_all(file_.get(), text)) {
        return cannot_write(place_.path);
    }
    return {};
}

/// As far as this user may give it away.
void PrivateFile::be_as_the_old_one() const {
    if (::fchown(file_.get(), place_.owner, place_.group) != 0) {
        (void)!::fchown(file_.get(), static_cast<uid_t>(-1), place_.group);
    }
    (void)::fchmod(file_.get(), place_.mode);
}

Result<void> PrivateFile::finish() {
    const fs::path& path = place_.path;
    if (readers_ == Readers::as_before && place_.kind == WritePlace::Kind::file) {
        be_as_the_old_one();
    }
    const bool lasts = durability_ == Durability::machine;
    if ((lasts && ::fsync(file_.get()) != 0) || ::rename(beside_.c_str(), path.c_str()) != 0) {
        return cannot_write(path);
    }
    beside_.clear();
    if (lasts && !sync_folder(folder_of_file(path))) {
        return cannot_write(path);
    }
    return {};
}

Result<void> write_private_file(const fs::path& path, std::string_view text,
                                Durability durability) {
    HEXCORE_TRY(file, PrivateFile::begin(path, durability));
    HEXCORE_TRY_VOID(file.write(std::as_bytes(std::span(text))));
    return file.finish();
}

Result<void> check_private_file(const fs::path& path) {
    HEXCORE_TRY(file, PrivateFile::begin(path, Durability::process));
    (void)file;
    return {};
}

std::vector<fs::path> left_private_files(const fs::path& path) {
    std::vector<fs::path> left;
    const std::string begin = path.filename().string() + std::string(beside_mark);
    std::error_code error;
    for (fs::directory_iterator entry(folder_of_file(path), error), end; !error && entry != end;
         entry.increment(error)) {
        const fs::path& file = entry->path();
        const std::string name = file.filename().string();
        if (name.size() == begin.size() + random_size && name.starts_with(begin) &&
            lock_left(file).is_open()) {
            left.push_back(file);
        }
    }
    return left;
}

std::vector<fs::path> noted_private_files(const fs::path& notes) {
    std::vector<fs::path> left;
    struct stat facts {};
    if (::lstat(notes.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode) ||
        facts.st_uid != ::geteuid()) {
        return left;
    }
    std::error_code error;
    for (fs::directory_iterator entry(notes, error), end; !error && entry != end;
         entry.increment(error)) {
        const fs::path& note = entry->path();
        std::error_code no_link;
        const fs::path file = fs::read_symlink(note, no_link);
        if (no_link || ::lstat(note.c_str(), &facts) != 0) {
            continue;
        }
        if (lock_left(file).is_open()) {
            left.push_back(file);
        } else if (facts.st_mtime + begun_for_s < std::time(nullptr) &&
                   !fs::exists(fs::symlink_status(file, no_link))) {
            ::unlink(note.c_str());
        }
    }
    return left;
}

Result<void> remove_left_private_file(const fs::path& file) {
    const FileDescriptor locked = lock_left(file);
    if (!locked.is_open()) {
        return fail(ErrorCode::negative, "{} is no file that a dead process was writing",
                    file.string());
    }
    if (::unlink(file.c_str()) != 0) {
        return fail(ErrorCode::negative, "cannot remove {}: {}", file.string(),
                    std::strerror(errno));
    }
    return {};
}

}  // namespace hexcore
