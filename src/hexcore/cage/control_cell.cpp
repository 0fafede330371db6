#include "hexcore/cage/control_cell.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "hexcore/base/whole_number.hpp"
#include "hexcore/device/proc_root.hpp"

namespace hexcore {
namespace {

/// What of a group that is empty still counts is the kernel's own, or the last of a batch.
constexpr Bytes clean_size = 1_MiB;

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

/// The group, and those that what runs in it has made: cages in a cage.
std::vector<std::string> with_groups_below(const std::string& folder) {
    std::vector<std::string> groups{folder};
    for (std::size_t next = 0; next < groups.size(); ++next) {
        struct stat facts {};
        constexpr nlink_t links_of_a_leaf = 2;
        if (::stat(groups[next].c_str(), &facts) != 0 || facts.st_nlink <= links_of_a_leaf) {
            continue;
        }
        std::error_code error;
        for (std::filesystem::directory_iterator entry(groups[next], error), end;
             !error && entry != end; entry.increment(error)) {
            if (entry->is_directory(error)) {
                groups.push_back(entry->path().string());
            }
        }
    }
    return groups;
}

void add_processes_of(const std::string& group, std::vector<pid_t>& pids) {
    const auto text = ProcRoot{}.read_if_there(group + "/cgroup.procs");
    std::string_view rest = text && *text ? std::string_view(**text) : std::string_view();
    while (!rest.empty()) {
        if (const auto pid = whole_number<std::uint32_t>(take_line(rest))) {
            pids.push_back(static_cast<pid_t>(*pid));
        }
    }
}

}  // namespace

void remove_group(const std::string& folder) {
    std::vector<std::string> groups = with_groups_below(folder);
    for (auto group = groups.rbegin(); group != groups.rend(); ++group) {
        ::rmdir(group->c_str());
    }
}

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
        remove_group(folder);
    }
}

Result<void> ControlCell::set_up(const CageLimits& limits) {
    oom_kills_before_ = oom_kills();
    refusals_before_ = limits.processes ? refusals() : 0;
    if (limits.memory && !folders_.memory_v1.empty()) {
        (void)write_to_group(failures_file(), "0");
    }
    return set_limits(limits);
}

Result<void> ControlCell::set_limits(const CageLimits& limits) {
    // Tests in a row have the same limits mostly, and each file costs some microseconds.
    if (!has_limits_ || memory_limit_ != limits.memory) {
        has_limits_ = false;
        HEXCORE_TRY_VOID(limit_memory(limits.memory));
        memory_limit_ = limits.memory;
    }
    if (!folders_.processes.empty() && (!has_limits_ || processes_limit_ != limits.processes)) {
        has_limits_ = false;
        HEXCORE_TRY_VOID(
            write_to_group(folders_.processes + "/pids.max",
                           limits.processes ? std::to_string(*limits.processes) : "max"));
        processes_limit_ = limits.processes;
    }
    has_limits_ = true;
    return {};
}

Result<void> ControlCell::limit_memory(const std::optional<Bytes>& limit) const {
    if (!folders_.memory_v2.empty()) {
        HEXCORE_TRY_VOID(
            write_to_group(folders_.memory_v2 + "/memory.max", limit_text(limit, "max")));
        const std::string swap = folders_.memory_v2 + "/memory.swap.max";
        if (is_there(swap)) {
            HEXCORE_TRY_VOID(write_to_group(swap, limit ? "0" : "max"));
        }
    } else if (!folders_.memory_v1.empty()) {
        const std::string plain = folders_.memory_v1 + "/memory.limit_in_bytes";
        const std::string with_swap = folders_.memory_v1 + "/memory.memsw.limit_in_bytes";
        const std::string text = limit_text(limit, "-1");
        // The one with swap is never below the one without: it is raised before, lowered after.
        if (is_there(with_swap)) {
            HEXCORE_TRY_VOID(write_to_group(with_swap, "-1"));
        }
        auto written = write_to_group(plain, text);
        if (!written) {
            // Pages of files that wait to be written count, too, until they are taken away.
            (void)write_to_group(folders_.memory_v1 + "/memory.force_empty", "0");
            written = write_to_group(plain, text);
        }
        if (!written) {
            return fail(ErrorCode::does_not_fit,
                        "memory cannot be limited to {}: what is in the control group holds {} "
                        "that it cannot give back ({})",
                        limit ? to_string(*limit) : "nothing", to_string(held().value_or(Bytes())),
                        written.error().message);
        }
        if (is_there(with_swap)) {
            HEXCORE_TRY_VOID(write_to_group(with_swap, text));
        }
    }
    return {};
}

bool ControlCell::is_clean() const {
    std::vector<pid_t> pids;
    for (const std::string& folder : folders()) {
        if (const auto groups = with_groups_below(folder); groups.size() > 1) {
            return false;
        }
        add_processes_of(folder, pids);
    }
    return pids.empty() && held().value_or(Bytes()) <= clean_size;
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
    return Bytes(number_of_key(text, is_v2 ? "anon" : "total_rss") +
                 number_of_key(text, is_v2 ? "shmem" : "total_shmem"));
}

std::vector<pid_t> ControlCell::members() const {
    std::vector<pid_t> pids;
    for (const std::string& folder : folders()) {
        for (const std::string& group : with_groups_below(folder)) {
            add_processes_of(group, pids);
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
    return text && *text && number_of_key(**text, "under_oom") != 0;
}

std::uint64_t ControlCell::killed_at_limit() const { return oom_kills() - oom_kills_before_; }

bool ControlCell::has_ended(const CageOutcome& outcome, Bytes peak) const {
    if (!memory_limit_ || folders_.memory_v1.empty()) {
        return killed_at_limit() > 0;
    }
    const Bytes nearly(memory_limit_->count() / 8 * 7);
    if (!outcome.signalled || outcome.code != SIGABRT || outcome.ended_by_us != EndedByUs::no ||
        peak < nearly) {
        return false;
    }
    const auto text = ProcRoot{}.read_if_there(failures_file());
    return text && *text && whole_number(trimmed(**text)).value_or(0) > 0;
}

std::uint64_t ControlCell::oom_kills() const {
    // In version 1 it kills none of them.
    if (folders_.memory_v2.empty()) {
        return 0;
    }
    const auto text = ProcRoot{}.read_if_there(folders_.memory_v2 + "/memory.events");
    return text && *text ? number_of_key(**text, "oom_kill") : 0;
}

std::uint64_t ControlCell::processes_refused() const {
    return processes_limit_ ? refusals() - refusals_before_ : 0;
}

std::uint64_t ControlCell::refusals() const {
    if (folders_.processes.empty()) {
        return 0;
    }
    const auto text = ProcRoot{}.read_if_there(folders_.processes + "/pids.events");
    return text && *text ? number_of_key(**text, "max") : 0;
}

}  // namespace hexcore
