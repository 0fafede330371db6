#pragma once

#include <filesystem>
#include <vector>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {

/// `parked` in state_home(); empty where that is.
[[nodiscard]] std::filesystem::path default_parking_folder();

/// A folder of this process within a folder of all of them, for its owner's eyes only. It goes with
/// the object. One whose process was killed stays until the next is made: a lock says who lives.
class StateFolder {
public:
    /// Removes what dead processes left in `base`, too. Fails with ErrorCode::negative where it
    /// cannot be made.
    [[nodiscard]] static Result<StateFolder> make(const std::filesystem::path& base);
    StateFolder(StateFolder&& other) noexcept = default;
    StateFolder& operator=(StateFolder&&) = delete;
    ~StateFolder();

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    StateFolder(std::filesystem::path path, FileDescriptor lock)
        : path_(std::move(path)), lock_(std::move(lock)) {}

    std::filesystem::path path_;
    FileDescriptor lock_;
};

/// The folders in `base` whose processes are dead, of this user alone. None where `base` is another
/// user's, who could put anything in their place.
[[nodiscard]] std::vector<std::filesystem::path> left_state_folders(
    const std::filesystem::path& base);
/// Removes one of them, without following symbolic links. Fails with ErrorCode::negative where it
/// is none of them any more, or cannot be removed whole.
[[nodiscard]] Result<void> remove_left_state_folder(const std::filesystem::path& folder);

}  // namespace hexcore
