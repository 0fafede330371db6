#pragma once

#include <sys/types.h>

#include <ctime>
#include <filesystem>
#include <vector>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// Folders that tests have one after the other: each is empty but for an empty `tmp`, which nobody
/// has touched since it was made. Making and removing them anew for each test takes milliseconds
/// where removing a folder waits for the disk (ext4 with `discard`).
class ScratchFolders {
public:
    /// They are made in `parent`, which is there; what is left of them goes with it.
    explicit ScratchFolders(std::filesystem::path parent) : parent_(std::move(parent)) {}

    /// Fails with ErrorCode::does_not_fit where one cannot be made, or does not take files: results
    /// that cannot be written would look like a test that ended in the middle.
    [[nodiscard]] Result<std::filesystem::path> take();
    /// What is in there is removed.
    void give_back(const std::filesystem::path& folder);

private:
    struct Folder {
        std::filesystem::path path;
        mode_t mode = 0;
        timespec changed{};  ///< `tmp`: any entry that it ever has changes that
    };

    [[nodiscard]] Result<Folder> make();
    [[nodiscard]] bool is_as_it_was(const Folder& folder) const;

    std::filesystem::path parent_;
    std::vector<Folder> free_;
    std::vector<Folder> taken_;
    std::size_t made_ = 0;
};

/// One that is not given back, with all that is in it.
void remove_scratch(const std::filesystem::path& folder);

}  // namespace hexcore
