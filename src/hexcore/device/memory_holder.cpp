#include "hexcore/device/memory_holder.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <initializer_list>
#include <system_error>

#include "hexcore/base/whole_number.hpp"
#include "hexcore/device/control_group.hpp"

namespace hexcore {
namespace {

std::string_view file_name(std::string_view path) {
    return path.substr(path.rfind('/') + 1);  // npos + 1 is 0: no slash, the whole text
}

/// The text of a process's file; nothing where it cannot be read.
std::optional<std::string> text_of_process(const ProcRoot& root, std::string_view process,
                                           std::string_view file) {
    return root.read_if_there(fmt::format("/proc/{}/{}", process, file)).value_or(std::nullopt);
}

/// The sum of these lines; nothing where there are none of them.
std::optional<Bytes> sum_of_lines(std::string_view text,
                                  std::initializer_list<std::string_view> keys) {
    std::optional<Bytes> sum;
    while (!text.empty()) {
        std::string_view line = take_line(text);
        const std::string_view key = take_word(line);
        if (std::find(keys.begin(), keys.end(), key) != keys.end()) {
            constexpr std::uint64_t largest = 1ULL << 50U;
            sum = sum.value_or(Bytes()) +
                  Bytes(std::min(whole_number(take_word(line)).value_or(0), largest) * 1024);
        }
    }
    return sum;
}

std::optional<Bytes> sum_in_status(const ProcRoot& root, std::string_view process,
                                   std::initializer_list<std::string_view> keys) {
    const auto status = text_of_process(root, process, "status");
    return status ? sum_of_lines(*status, keys) : std::nullopt;
}

}  // namespace

std::optional<Bytes> memory_of_process(const ProcRoot& root, std::string_view process) {
    return sum_in_status(root, process, {"RssAnon:", "RssShmem:"});
}

std::optional<Bytes> high_water_of_process(const ProcRoot& root, std::string_view process) {
    return sum_in_status(root, process, {"VmHWM:"});
}

ProcessStatus status_of_process(const ProcRoot& root, std::string_view process) {
    const auto status = text_of_process(root, process, "status");
    if (!status) {
        return {};
    }
    std::string_view text(*status);
    std::string_view line = take_line(text);  // `Name: NAME`, which may have blanks
    (void)take_word(line);
    return {std::string(trimmed(line)), sum_of_lines(text, {"VmHWM:"})};
}

std::optional<SharedMemory> shared_memory_of_process(const ProcRoot& root,
                                                     std::string_view process) {
    if (const auto rollup = text_of_process(root, process, "smaps_rollup")) {
        const auto resident = sum_of_lines(*rollup, {"Rss:"});
        const auto once = sum_of_lines(*rollup, {"Pss:"});
        if (resident && once) {
            return SharedMemory{*resident, *once};
        }
    }
    const auto resident = sum_in_status(root, process, {"VmRSS:"});
    return resident ? std::optional(SharedMemory{*resident, *resident}) : std::nullopt;
}

bool tells_shared_memory(const ProcRoot& root) {
    const auto rollup = text_of_process(root, "self", "smaps_rollup");
    return rollup && sum_of_lines(*rollup, {"Pss:"}).has_value();
}

std::vector<std::string> command_words(const ProcRoot& root, const std::string& folder) {
    std::vector<std::string> words;
    const auto line = root.read_if_there(folder + "/cmdline");
    if (line && *line) {  // each is ended by a zero byte
        for (std::size_t at = 0; at < (*line)->size(); at += words.back().size() + 1) {
            words.emplace_back((*line)->c_str() + at);
        }
    }
    return words;
}

std::string command_of(const ProcRoot& root, std::uint32_t pid) {
    const std::string folder = fmt::format("/proc/{}", pid);
    // A process that ends meanwhile, or belongs to another user, is one without a name.
    const auto words = command_words(root, folder);
    if (!words.empty()) {
        std::string command(file_name(words[0]));
        if (words.size() > 1 && !words[1].empty() && !words[1].starts_with('-')) {
            command += fmt::format(" {}", file_name(words[1]));
        }
        return command;
    }
    const auto name = root.read_if_there(folder + "/comm");
    if (!name || !*name) {
        return {};
    }
    std::string_view text(**name);
    return std::string(take_line(text));
}

std::vector<MemoryHolder> largest_memory_holders(const ProcRoot& root, std::size_t count,
                                                 const std::string& cgroup_path) {
    std::vector<MemoryHolder> holders;
    const std::string self = root.read_link("/proc/self").value_or("");
    std::error_code error;
    for (std::filesystem::directory_iterator entry(root.path("/proc"), error), end;
         !error && entry != end; entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        const auto pid = whole_number<std::uint32_t>(name);
        if (!pid || name == self) {
            continue;
        }
        if (!cgroup_path.empty() && !is_in_control_group(root, *pid, cgroup_path, "memory")) {
            continue;
        }
        const auto bytes = memory_of_process(root, name);
        if (bytes && *bytes > Bytes{}) {
            holders.push_back({*pid, {}, *bytes});
        }
    }
    const auto kept = static_cast<std::ptrdiff_t>(std::min(count, holders.size()));
    std::partial_sort(holders.begin(), holders.begin() + kept, holders.end(),
                      [](const MemoryHolder& a, const MemoryHolder& b) {
                          return a.bytes != b.bytes ? a.bytes > b.bytes : a.pid < b.pid;
                      });
    holders.resize(static_cast<std::size_t>(kept));
    for (MemoryHolder& holder : holders) {
        holder.command = command_of(root, holder.pid);
    }
    return holders;
}

}  // namespace hexcore
