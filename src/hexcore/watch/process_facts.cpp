#include "hexcore/watch/process_facts.hpp"

#include <dirent.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/base/whole_number.hpp"
#include "hexcore/device/proc_root.hpp"

namespace hexcore {

std::optional<ProcessFacts> facts_of_process(pid_t pid) {
    // `PID (NAME) STATE PPID ...`; the name may hold anything; the number of threads is the 20th,
    // the start the 22nd.
    const FileDescriptor file(fmt::format("/proc/{}/stat", pid).c_str());
    std::array<char, 1024> buffer;
    const ssize_t size = file.is_open() ? file.read(buffer.data(), buffer.size()) : 0;
    std::string_view text(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    const std::size_t name_end = text.rfind(") ");
    if (name_end == std::string_view::npos) {
        return std::nullopt;
    }
    text.remove_prefix(name_end + 1);
    const std::string_view state = take_word(text);
    const auto parent = whole_number<std::uint32_t>(take_word(text));
    for (int field = 5; field < 20; ++field) {
        (void)take_word(text);
    }
    const std::string_view threads = take_word(text);
    (void)take_word(text);
    const auto start = whole_number(take_word(text));
    if (!parent || !start) {
        return std::nullopt;
    }
    const bool is_over = state == "X" || (state == "Z" && (threads == "0" || threads == "1"));
    return ProcessFacts{static_cast<pid_t>(*parent), *start, is_over};
}

void list_pids(std::vector<pid_t>& pids) {
    pids.clear();
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc"), ::closedir);
    if (folder == nullptr) {
        return;
    }
    while (const dirent* entry = ::readdir(folder.get())) {
        if (const auto pid = whole_number<std::uint32_t>(entry->d_name)) {
            pids.push_back(static_cast<pid_t>(*pid));
        }
    }
}

}  // namespace hexcore
