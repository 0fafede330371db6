#include "hexcore/cage/control_cell.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "hexcore/base/whole_number.hpp"
#include "hexcore/device/proc_root.hpp"

namespace hexcore {
namespace {

/// What of a group that is empty still counts is the kernel's own, or the last of a batch.
constexpr Bytes clean_size = 1_MiB;

/// The number behind a key of a file with a key and a number a line; 0: it has none.
std::uint64_t number_behind(std::string_view text, std::string_view key) {
    while (!text.empty()) {
        std::string_view line = take_line(text);
        if (take_word(line) == key) {
            return whole_number(trimmed(line)).value_or(0);
        }
    }
    return 0;
}

std::string limit_text(const std::optional<Bytes>& limit, const char* none) {
    return limit ? std::to_string(limit->count()) : none;
}

bool is_there(const std::string& file) { return ::access(file.c_str(), F_OK) == 0; }

/// Has the kernel stop processes at the limit instead of killing one, and say so by an eventfd.
Result<FileDescriptor> stop_at_limit(const std::string& folder) {
    const std::string control = folder + "/memory.oom_control";
    FileDescriptor event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    const FileDescriptor file(control.c_str());
    if (!event.is_open() || !file.is_open()) {
        return fail(ErrorCode::does_not_fit, "{} cannot be listened to: {}", control,
                    std::strerror(errno));
    }
    HEXCORE_TRY_VOID(write_to_group(folder + "/cgroup.event_control",
                                    fmt::format("{} {}", event.get(), file.get())));
    HEXCORE_TRY_VOID(write_to_group(control, "1"));
    return event;
}

}  // namespace

Result<void> write_to_group(const std::string& file, const std::string& text) {
    const FileDescriptor group(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
    if (!group.is_open() ||
        ::write(group.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
        return fail(ErrorCode::does_not_fit, "{} does not take '{}': {}", file, text,
                    std::strerror(errno));
    }
    return {};
}

Result<std::unique_ptr<ControlCell>> ControlCell::make(const CellFolders& folders) {
    for (const std::string* folder :
         {&folders.kill, &folders.memory_v2, &folders.memory_v1, &folders.processes}) {
        if (!folder->empty() && ::mkdir(folder->c_str(), 0755) != 0 && errno != EEXIST) {
            return fail(ErrorCode::does_not_fit, "the control group {} cannot be made: {}", *folder,
                        std::strerror(errno));
        }
    }
    FileDescriptor event(-1);
    if (!folders.memory_v1.empty()) {
        HEXCORE_TRY(made, stop_at_limit(folders.memory_v1));
        return std::unique_ptr<ControlCell>(
            new ControlCell(folders, std::move(made),
                            FileDescriptor((folders.memory_v1 + "/memory.stat").c_str())));
    }
    FileDescriptor stat(-1);
    if (!folders.memory_v2.empty()) {
        // All of it ends, rather than one process of it; older kernels have no such file.
        (void)write_to_group(folders.memory_v2 + "/memory.oom.group", "1");
        return std::unique_ptr<ControlCell>(
            new ControlCell(folders, std::move(event),
                            FileDescriptor((folders.memory_v2 + "/memory.stat").c_str())));
    }
    return std::unique_ptr<ControlCell>(
        new ControlCell(folders, std::move(event), std::move(stat)));
}

ControlCell::ControlCell(CellFolders folders, FileDescriptor event, FileDescriptor stat)
    : folders_(std::move(folders)), event_(std::move(event)), stat_(std::move(stat)) {}

ControlCell::~ControlCell() {
    for (const std::string& folder : this->folders()) {
        ::rmdir(folder.c_str());
    }
}

Result<void> ControlCell::set_up(const CageLimits& limits) {
    if (!folders_.memory_v1.empty()) {
        HEXCORE_TRY_VOID(write_to_group(folders_.memory_v1 + "/memory.max_usage_in_bytes", "0"));
    }
    oom_kills_before_ = oom_kills();
    return set_limits(limits);
}

Result<void> ControlCell::set_limits(const CageLimits& limits) {
    if (!folders_.memory_v2.empty()) {
        HEXCORE_TRY_VOID(
            write_to_group(folders_.memory_v2 + "/memory.max", limit_text(limits.memory, "max")));
        const std::string swap = folders_.memory_v2 + "/memory.swap.max";
        if (is_there(swap)) {
            HEXCORE_TRY_VOID(write_to_group(swap, limits.memory ? "0" : "max"));
        }
    } else if (!folders_.memory_v1.empty()) {
        const std::string plain = folders_.memory_v1 + "/memory.limit_in_bytes";
        const std::string with_swap = folders_.memory_v1 + "/memory.memsw.limit_in_bytes";
        const std::string limit = limit_text(limits.memory, "-1");
        // The one with swap is never below the one without: it is raised before, lowered after.
        if (is_there(with_swap)) {
            HEXCORE_TRY_VOID(write_to_group(with_swap, "-1"));
        }
        HEXCORE_TRY_VOID(write_to_group(plain, limit));
        if (is_there(with_swap)) {
            HEXCORE_TRY_VOID(write_to_group(with_swap, limit));
        }
    }
    if (!folders_.processes.empty()) {
        HEXCORE_TRY_VOID(
            write_to_group(folders_.processes + "/pids.max",
                           limits.processes ? std::to_string(*limits.processes) : "max"));
    }
    return {};
}

bool ControlCell::is_clean() const {
    return members().empty() && held().value_or(Bytes()) <= clean_size;
}

std::vector<std::string> ControlCell::folders() const {
    std::vector<std::string> all;
    for (const std::string* folder :
         {&folders_.kill, &folders_.memory_v2, &folders_.memory_v1, &folders_.processes}) {
        if (!folder->empty() && std::find(all.begin(), all.end(), *folder) == all.end()) {
            all.push_back(*folder);
        }
    }
    return all;
}

std::vector<std::string> ControlCell::process_files() const {
    std::vector<std::string> files = folders();
    for (std::string& folder : files) {
        folder += "/cgroup.procs";
    }
    return files;
}

std::string ControlCell::kill_file() const {
    return folders_.kill.empty() ? std::string() : folders_.kill + "/cgroup.kill";
}

std::optional<Bytes> ControlCell::held() const {
    std::array<char, 16384> buffer;
    const ssize_t size =
        stat_.is_open() ? stat_.read_at(buffer.data(), buffer.size(), 0) : ssize_t{-1};
    if (size <= 0) {
        return std::nullopt;
    }
    const std::string_view text(buffer.data(), static_cast<std::size_t>(size));
    const bool is_v2 = !folders_.memory_v2.empty();
    // Version 1 counts shared memory as cache, too; "total" has what is in groups below.
    return Bytes(number_behind(text, is_v2 ? "anon" : "total_rss") +
                 number_behind(text, is_v2 ? "shmem" : "total_shmem"));
}

std::vector<pid_t> ControlCell::members() const {
    std::vector<pid_t> pids;
    for (const std::string& file : process_files()) {
        const auto text = ProcRoot{}.read_if_there(file);
        std::string_view rest = text && *text ? std::string_view(**text) : std::string_view();
        while (!rest.empty()) {
            if (const auto pid = whole_number<std::uint32_t>(take_line(rest))) {
                pids.push_back(static_cast<pid_t>(*pid));
            }
        }
    }
    std::sort(pids.begin(), pids.end());
    pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
    return pids;
}

bool ControlCell::waits_at_limit() const {
    std::uint64_t count = 0;
    (void)event_.read(&count, sizeof(count));
    const auto text = ProcRoot{}.read_if_there(folders_.memory_v1 + "/memory.oom_control");
    return text && *text && number_behind(**text, "under_oom") != 0;
}

std::uint64_t ControlCell::killed_at_limit() const { return oom_kills() - oom_kills_before_; }

std::uint64_t ControlCell::oom_kills() const {
    if (memory().empty()) {
        return 0;
    }
    const bool is_v2 = !folders_.memory_v2.empty();
    const auto text =
        ProcRoot{}.read_if_there(memory() + (is_v2 ? "/memory.events" : "/memory.oom_control"));
    return text && *text ? number_behind(**text, "oom_kill") : 0;
}

}  // namespace hexcore
