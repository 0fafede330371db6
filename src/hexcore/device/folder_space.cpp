#include "hexcore/device/folder_space.hpp"

#include <sys/statvfs.h>

#include <filesystem>
#include <system_error>

namespace hexcore {

FolderSpace probe_folder_space(const std::string& folder) {
    FolderSpace space{.folder = folder};
    if (folder.empty()) {
        return space;
    }
    std::error_code error;
    std::filesystem::path there = std::filesystem::absolute(folder, error);
    while (!std::filesystem::is_directory(there, error) && there.has_relative_path()) {
        there = there.parent_path();
    }
    struct statvfs facts {};
    if (::statvfs(there.c_str(), &facts) == 0) {
        space.total = Bytes(facts.f_frsize) * facts.f_blocks;
        space.free = Bytes(facts.f_frsize) * facts.f_bavail;
    }
    return space;
}

}  // namespace hexcore
