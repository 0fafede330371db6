#include "hexcore/cage/descendants.hpp"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <string_view>
#include <utility>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/base/whole_number.hpp"

namespace hexcore {
namespace {

using Path = std::array<char, 64>;

/// The pids that stand in a file of the kernel's, with blanks between them.
void read_pids(const char* path, std::vector<pid_t>& found) {
    const FileDescriptor file(path);
    if (!file.is_open()) {
        return;
    }
    std::array<char, 4096> buffer;
    pid_t pid = 0;
    ssize_t size = 0;
    while ((size = file.read(buffer.data(), buffer.size())) > 0) {
        for (const char c : std::string_view(buffer.data(), static_cast<std::size_t>(size))) {
            if (c >= '0' && c <= '9') {
                pid = pid * 10 + (c - '0');
            } else if (pid != 0) {
                found.push_back(std::exchange(pid, 0));
            }
        }
    }
    if (pid != 0) {
        found.push_back(pid);
    }
}

template <typename Visit>
void for_each_number_in(const char* folder_path, const Visit& visit) {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(folder_path), ::closedir);
    while (const dirent* entry = folder != nullptr ? ::readdir(folder.get()) : nullptr) {
        if (const auto number = whole_number<std::uint32_t>(entry->d_name)) {
            visit(static_cast<pid_t>(*number));
        }
    }
}

void add_children(pid_t parent, std::vector<pid_t>& found) {
    Path folder;
    (void)std::snprintf(folder.data(), folder.size(), "/proc/%d/task", parent);
    for_each_number_in(folder.data(), [&](pid_t thread) {
        Path file;
        (void)std::snprintf(file.data(), file.size(), "/proc/%d/task/%d/children", parent, thread);
        read_pids(file.data(), found);
    });
}

bool kernel_lists_children() {
    static const bool it_does = [] {
        Path file;
        (void)std::snprintf(file.data(), file.size(), "/proc/self/task/%d/children", ::getpid());
        return ::access(file.data(), R_OK) == 0;
    }();
    return it_does;
}

void add_by_parents(pid_t root, std::vector<pid_t>& found) {
    std::vector<std::pair<pid_t, pid_t>> parents;
    for_each_number_in("/proc",
                       [&](pid_t pid) { parents.emplace_back(parent_of_process(pid), pid); });
    std::sort(parents.begin(), parents.end());
    std::size_t next = found.size();
    for (pid_t parent = root; parent != 0; parent = next < found.size() ? found[next++] : 0) {
        for (auto child = std::lower_bound(parents.begin(), parents.end(), std::pair(parent, 0));
             child != parents.end() && child->first == parent; ++child) {
            found.push_back(child->second);
        }
    }
}

}  // namespace

void list_descendants(pid_t root, std::vector<pid_t>& found) {
    if (!kernel_lists_children()) {
        add_by_parents(root, found);
        return;
    }
    std::size_t next = found.size();
    add_children(root, found);
    while (next < found.size()) {
        add_children(found[next++], found);
    }
}

pid_t parent_of_process(pid_t pid) {
    Path path;
    (void)std::snprintf(path.data(), path.size(), "/proc/%d/stat", pid);
    const FileDescriptor file(path.data());
    std::array<char, 512> buffer;
    const ssize_t size = file.is_open() ? file.read(buffer.data(), buffer.size()) : 0;
    std::string_view text(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    // `PID (NAME) STATE PPID ...`; the name may hold anything.
    const std::size_t name_end = text.rfind(") ");
    if (name_end == std::string_view::npos || text.size() < name_end + 5) {
        return 0;
    }
    text.remove_prefix(name_end + 4);
    return static_cast<pid_t>(
        whole_number<std::uint32_t>(text.substr(0, text.find(' '))).value_or(0));
}

}  // namespace hexcore
