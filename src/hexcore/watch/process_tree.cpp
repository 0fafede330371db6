#include "hexcore/watch/process_tree.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <optional>

#include "hexcore/base/printable.hpp"
#include "hexcore/base/whole_number.hpp"
#include "hexcore/device/memory_holder.hpp"
#include "hexcore/watch/process_facts.hpp"
#include "hexcore/watch/redaction.hpp"

namespace hexcore {
namespace {

/// A pid comes again only after all others, so those that are known need not be read each time.
constexpr std::uint64_t looks_between_whole_ones = 16;
/// A process that was just forked is soon another program, and while it becomes one it has no
/// words.
constexpr std::uint32_t looks_with_a_new_name = 4;
constexpr std::size_t longest_name = 96;
constexpr std::size_t usual_pids = 16384;

bool is_among(const std::vector<pid_t>& sorted, pid_t pid) {
    return std::binary_search(sorted.begin(), sorted.end(), pid);
}

/// 0: it has ended.
pid_t parent_of(pid_t pid) { return facts_of_process(pid).value_or(ProcessFacts{}).parent; }

/// The number of a file that follows so many words; nothing: it cannot be read.
std::optional<std::uint64_t> number_behind(const FileDescriptor& file, int words_before) {
    std::array<char, 128> buffer;
    const ssize_t size = file.is_open() ? file.read_at(buffer.data(), buffer.size(), 0) : 0;
    if (size <= 0) {
        return std::nullopt;
    }
    std::string_view text = trimmed({buffer.data(), static_cast<std::size_t>(size)});
    for (int i = 0; i < words_before; ++i) {
        (void)take_word(text);
    }
    return whole_number(take_word(text));
}

/// Of `SIZE RESIDENT SHARED ...`; nothing: it has ended.
std::optional<std::uint64_t> resident_pages(const FileDescriptor& statm) {
    return number_behind(statm, 1);
}

/// By so much that a process is asked for its name some sixty times on its way to a terabyte.
bool has_outgrown_its_name(const WatchedProcess& process) {
    return saturating_subtract(process.resident, process.named_at) >
           Bytes(process.named_at.count() / 4) + counting_noise;
}

}  // namespace

ProcessTree::ProcessTree(pid_t root_parent)
    : root_parent_(root_parent),
      own_(::getpid()),
      page_(static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))) {
    processes_.reserve(recorded_processes_max);
    candidates_.reserve(recorded_processes_max);
    for (std::vector<pid_t>* pids : {&pids_, &others_, &fresh_}) {
        pids->reserve(usual_pids);
    }
}

bool ProcessTree::has(pid_t pid) const { return find(static_cast<std::uint32_t>(pid)) != nullptr; }

ProcessRef ProcessTree::find(std::uint32_t pid) const {
    const auto found =
        std::find_if(processes_.begin(), processes_.end(),
                     [pid](const auto& process) { return process->process->pid == pid; });
    return found == processes_.end() ? nullptr : (*found)->process;
}

ProcessRef ProcessTree::add_unseen(std::uint32_t pid) {
    constexpr int most_generations = 64;
    auto ancestor = static_cast<pid_t>(pid);
    for (int i = 0; i < most_generations && ancestor > 0; ++i) {
        ancestor = parent_of(ancestor);
        if (ancestor == root_parent_ || has(ancestor)) {
            expect(static_cast<pid_t>(pid));
            break;
        }
    }
    ProcessRef added = find(pid);
    return added != nullptr ? added
                            : std::make_shared<RecordedProcess>(RecordedProcess{++found_, pid, {}});
}

/// Those of whom it is not known that they are others.
void ProcessTree::find_candidates() {
    if (is_whole_look_) {
        others_.clear();
    }
    candidates_.clear();
    for (const pid_t pid : pids_) {
        if (pid != root_parent_ && pid != own_ && !is_among(others_, pid) && !has(pid)) {
            candidates_.push_back({pid, parent_of(pid)});
        }
    }
}

void ProcessTree::expect(pid_t child) {
    add(child);
    for (const auto& process : processes_) {
        read_facts(*process);
    }
}

void ProcessTree::look() {
    std::erase_if(processes_,
                  [](const auto& process) { return !resident_pages(process->statm).has_value(); });
    if (may_have_new_ones()) {
        find_new_ones();
    }
    for (const auto& process : processes_) {
        read_facts(*process);
    }
}

/// As long as the kernel gave no pid there is no new process; to list all takes most of a look. One
/// that was looked at once may have got another parent meanwhile.
bool ProcessTree::may_have_new_ones() {
    const auto before = latest_pid_;
    latest_pid_ = number_behind(latest_pid_file_, 0);
    is_whole_look_ = n_looks_++ % looks_between_whole_ones == 0;
    return is_whole_look_ || !fresh_.empty() || !latest_pid_ || latest_pid_ != before;
}

void ProcessTree::find_new_ones() {
    list_pids(pids_);
    std::sort(pids_.begin(), pids_.end());
    find_candidates();
    too_many_ = 0;
    // A child may have a smaller pid than its parent.
    for (bool more = true; more;) {
        more = false;
        for (Candidate& candidate : candidates_) {
            if (candidate.pid != 0 && (candidate.parent == root_parent_ || has(candidate.parent))) {
                add(candidate.pid);
                candidate.pid = 0;
                more = true;
            }
        }
    }
    // One whose parent has just ended is looked at again before it counts as another's.
    const auto middle = static_cast<std::ptrdiff_t>(others_.size());
    for (const Candidate& candidate : candidates_) {
        if (candidate.pid != 0 && is_among(fresh_, candidate.pid)) {
            others_.push_back(candidate.pid);
        }
    }
    std::inplace_merge(others_.begin(), others_.begin() + middle, others_.end());
    std::erase_if(others_, [this](pid_t pid) { return !is_among(pids_, pid); });
    fresh_.clear();
    for (const Candidate& candidate : candidates_) {
        if (candidate.pid != 0) {
            fresh_.push_back(candidate.pid);
        }
    }
    missed_ = std::max(missed_, too_many_);
}

void ProcessTree::add(pid_t pid) {
    FileDescriptor statm(fmt::format("/proc/{}/statm", pid).c_str());
    if (statm.is_open() && processes_.size() < recorded_processes_max) {
        ++found_;
        auto process = std::make_shared<RecordedProcess>();
        process->number = found_;
        process->pid = static_cast<std::uint32_t>(pid);
        processes_.push_back(std::make_unique<WatchedProcess>(
            WatchedProcess{.process = std::move(process), .statm = std::move(statm)}));
    } else if (statm.is_open() || statm.open_error() != ENOENT) {
        ++too_many_;
    }
}

void ProcessTree::read_facts(WatchedProcess& process) const {
    ProcessStatus status = status_of_process(proc_, std::to_string(process.process->pid));
    const Bytes before = process.high_water;
    process.high_water = status.high_water.value_or(Bytes());
    if (!status.high_water && !process.process->command.empty()) {
        return;  // it has ended, and its words are gone
    }
    if (status.name != process.name || process.high_water + counting_noise < before) {
        process.looks = 0;
    }
    process.name = std::move(status.name);
    ++process.looks;
    if (process.looks <= looks_with_a_new_name || process.looks % looks_between_whole_ones == 0) {
        read_command(process, process.high_water);
    }
}

void ProcessTree::read_command(WatchedProcess& process, Bytes has_now) const {
    process.named_at = has_now;
    const std::uint32_t pid = process.process->pid;
    std::string command = shortened(without_secrets(command_of(proc_, pid)), longest_name);
    if (!command.empty() && command != process.process->command) {
        process.process = std::make_shared<RecordedProcess>(
            RecordedProcess{process.process->number, pid, std::move(command)});
    }
}

void ProcessTree::sample() {
    for (const auto& process : processes_) {
        process->resident = page_ * resident_pages(process->statm).value_or(0);
        process->largest = std::max(process->largest, process->resident);
        if (has_outgrown_its_name(*process)) {
            read_command(*process, process->resident);
        }
    }
}

void ProcessTree::add_parts(std::vector<RecordedPart>& parts) const {
    for (const auto& process : processes_) {
        if (process->resident > Bytes()) {
            parts.push_back({process->process, process->resident});
        }
    }
}

}  // namespace hexcore
