#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {

/// A watcher's folder for the rings of programs (docs/formats/ring.md), for this user alone. Is
/// removed with all that is in it, and locked until then. In a child that was forked the lock is
/// closed: it would outlive the watcher there.
class WatchFolder {
public:
    /// Fails with ErrorCode::negative where it cannot be made, or where others could write to it.
    [[nodiscard]] static Result<std::unique_ptr<WatchFolder>> make();
    ~WatchFolder();
    WatchFolder(const WatchFolder&) = delete;
    WatchFolder& operator=(const WatchFolder&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    struct OfProcess;
    WatchFolder(std::filesystem::path path, FileDescriptor lock);

    std::filesystem::path path_;
    std::optional<FileDescriptor> lock_;
    const pid_t owner_;  ///< a child that was forked leaves it alone
};

/// Where the folders of this user's watchers are.
[[nodiscard]] std::filesystem::path watch_folders_home();
/// The folders in it whose watchers have died.
[[nodiscard]] std::vector<std::filesystem::path> left_watch_folders(
    const std::filesystem::path& home);
/// Removes one of them. Fails with ErrorCode::negative where it is none of them any more.
[[nodiscard]] Result<void> remove_left_watch_folder(const std::filesystem::path& folder);

}  // namespace hexcore
