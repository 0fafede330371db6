#pragma once

#include <filesystem>

namespace hexcore {

/// Where this user's processes find each other while they run: `hexcore` in $XDG_RUNTIME_DIR, or
/// if that is not set or another user's (`sudo -E`) in /run/user/UID, or where there is none
/// `/tmp/hexcore-UID`. It may not be there yet.
[[nodiscard]] std::filesystem::path runtime_home();

/// Makes the folder unless it is there. False where that fails, and where it is not this user's
/// alone: another's, writable by others, or a symbolic link.
[[nodiscard]] bool make_private_folder(const std::filesystem::path& path);

}  // namespace hexcore
