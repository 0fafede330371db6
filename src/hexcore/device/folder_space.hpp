#pragma once

#include <optional>
#include <string>

#include "hexcore/base/bytes.hpp"

namespace hexcore {

/// The room in a folder: what the file system has that it is on, or would be.
struct FolderSpace {
    std::string folder = {};  ///< empty: there is none
    std::optional<Bytes> total = {};
    std::optional<Bytes> free = {};  ///< for this user; nothing: nobody can tell
};

/// Asks the file system of the folder, or of the nearest one above it that is there.
[[nodiscard]] FolderSpace probe_folder_space(const std::string& folder);

}  // namespace hexcore
