#include "hexcore/reserve/reservation_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <system_error>
#include <thread>
#include <tuple>

#include "hexcore/base/runtime_home.hpp"
#include "hexcore/base/whole_number.hpp"
#include "hexcore/device/proc_root.hpp"
#include "hexcore/reserve/own_process.hpp"

namespace hexcore {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::string_view lock_name = "lock";
constexpr std::string_view ending = ".json";
constexpr std::string_view ending_of_new = ".json.new";
// Counting takes about 30 us a file.
constexpr std::chrono::microseconds first_pause{100};
constexpr std::chrono::microseconds longest_pause{2'000};

tl::unexpected<Error> no_reservations(const fs::path& path, const std::string& why) {
    return fail(ErrorCode::negative,
                "memory cannot be reserved among this machine's programs, {}: {}", path.string(),
                why);
}

/// A regular file of this user's.
bool is_own_file(const FileDescriptor& file) {
    struct stat facts {};
    return ::fstat(file.get(), &facts) == 0 && S_ISREG(facts.st_mode) &&
           facts.st_uid == ::geteuid();
}

/// Its text, cut where it is more than a reservation may be.
std::string text_of(const FileDescriptor& file) {
    std::string text;
    std::array<char, 4096> buffer;
    ssize_t count = 0;
    while (text.size() <= reservation_bytes_max &&
           (count = file.read(buffer.data(), buffer.size())) > 0) {
        text.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return text;
}

/// Who has the turn, as the kernel tells: "1: FLOCK  ADVISORY  WRITE 29352 fe:00:10969565 0 EOF".
std::string holder_text(const FileDescriptor& lock) {
    struct stat facts {};
    const auto locks = ProcRoot().read("/proc/locks");
    if (::fstat(lock.get(), &facts) == 0 && locks) {
        const std::string place = fmt::format("{:02x}:{:02x}:{}", ::major(facts.st_dev),
                                              ::minor(facts.st_dev), facts.st_ino);
        std::string_view text = *locks;
        while (!text.empty()) {
            std::string_view line = take_line(text);
            (void)take_word(line);
            const bool is_flock = take_word(line) == "FLOCK";
            (void)take_word(line);
            (void)take_word(line);
            const std::string_view pid = take_word(line);
            if (is_flock && take_word(line) == place && whole_number(pid).value_or(0) > 0) {
                return fmt::format("process {}", pid);
            }
        }
    }
    return "another process";
}

}  // namespace

fs::path reservations_home() {
    const char* named = ::secure_getenv("HEXCORE_RESERVATIONS");
    return named != nullptr && *named == '/' ? fs::path(named) : runtime_home() / "reservations";
}

Result<ReservationFolder> ReservationFolder::open(fs::path path) {
    for (const fs::path& folder : {path.parent_path(), path}) {
        // The folder above one that somebody names is theirs to choose.
        const bool is_ours = folder == path || folder == runtime_home();
        std::error_code error;
        if (is_ours ? !make_private_folder(folder) : !fs::is_directory(folder, error)) {
            return no_reservations(
                path, fmt::format("{} is no folder that is this user's alone, nor can it be made",
                                  folder.string()));
        }
    }
    return ReservationFolder(std::move(path));
}

Result<FolderTurn> ReservationFolder::take_turn(std::chrono::milliseconds at_most,
                                                const std::atomic<bool>* stop) const {
    const fs::path name = path_ / lock_name;
    FileDescriptor lock(::open(
        name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600));
    if (!lock.is_open()) {
        return no_reservations(path_, fmt::format("its file {} cannot be opened: {}", lock_name,
                                                  std::strerror(lock.open_error())));
    }
    const auto end = Clock::now() + at_most;
    auto pause = first_pause;
    while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return no_reservations(path_, fmt::format("its file {} cannot be locked: {}", lock_name,
                                                      std::strerror(errno)));
        }
        if (stop != nullptr && stop->load()) {
            return fail(ErrorCode::interrupted,
                        "interrupted while waiting to reserve memory; none is reserved");
        }
        if (Clock::now() >= end) {
            return no_reservations(
                path_, fmt::format("{} has been counting for {} ms and counts as frozen; continue "
                                   "or end it",
                                   holder_text(lock), at_most.count()));
        }
        std::this_thread::sleep_for(pause);
        pause = std::min(pause * 2, longest_pause);
    }
    return FolderTurn(path_, std::move(lock));
}

FolderTurn::FolderTurn(fs::path folder, FileDescriptor lock)
    : folder_(std::move(folder)), lock_(std::move(lock)) {}

FolderTurn::~FolderTurn() {
    if (lock_.is_open()) {
        // A child that was forked meanwhile may have it open, too.
        (void)::flock(lock_.get(), LOCK_UN);
    }
}

Result<ReservationsRead> FolderTurn::read() const {
    ReservationsRead read;
    const std::uint64_t own_namespace = own_pid_namespace();
    std::error_code error;
    fs::directory_iterator entry(folder_, error);
    for (const fs::directory_iterator end; !error && entry != end; entry.increment(error)) {
        const fs::path& path = entry->path();
        const bool is_new = path.native().ends_with(ending_of_new);
        if (!is_new && !path.native().ends_with(ending)) {
            continue;
        }
        const FileDescriptor file(
            ::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
        const int why = file.is_open() ? 0 : file.open_error();
        if (why == EMFILE || why == ENFILE || why == ENOMEM) {
            return no_reservations(folder_,
                                   fmt::format("{} cannot be opened: {}", path.filename().string(),
                                               std::strerror(why)));
        }
        if (!file.is_open() || !is_own_file(file)) {
            continue;  // given back this moment, or a link, or nobody's reservation
        }
        if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) {
            ::unlink(path.c_str());
            continue;
        }
        if (is_new) {
            continue;
        }
        auto record = read_reservation(text_of(file));
        if (!record) {
            read.ignored.push_back(
                fmt::format("{} is not counted: {}", path.string(), record.error().message));
            continue;
        }
        record->file = path.filename().string();
        if (record->pid_namespace != own_namespace || own_namespace == 0 ||
            is_alive(record->pid, record->start)) {
            read.records.push_back(*std::move(record));
        }
    }
    if (error) {
        return no_reservations(folder_, fmt::format("it cannot be listed: {}", error.message()));
    }
    std::sort(read.records.begin(), read.records.end(), [](const auto& a, const auto& b) {
        return std::tie(a.ticket, a.file) < std::tie(b.ticket, b.file);
    });
    return read;
}

std::string FolderTurn::new_name() const {
    std::error_code error;
    for (std::uint64_t number = 1;; ++number) {
        std::string name = fmt::format("{}-{}{}", ::getpid(), number, ending);
        if (!fs::exists(fs::symlink_status(folder_ / name, error))) {
            return name;
        }
    }
}

Result<FileDescriptor> FolderTurn::write(const ReservationRecord& record) const {
    const fs::path path = folder_ / record.file;
    const fs::path unborn = path.string() + std::string(ending_of_new.substr(ending.size()));
    ::unlink(unborn.c_str());  // of a dead process with this one's number
    FileDescriptor file(
        ::open(unborn.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (file.is_open() && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0 &&
        write_all(file.get(), reservation_json(record)) &&
        ::rename(unborn.c_str(), path.c_str()) == 0) {
        return file;
    }
    const int why = file.is_open() ? errno : file.open_error();
    if (file.is_open()) {
        ::unlink(unborn.c_str());
    }
    return no_reservations(
        folder_, fmt::format("{} cannot be written: {}", record.file, std::strerror(why)));
}

}  // namespace hexcore
