#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {

/// An empty folder of this process's own, below TMPDIR; removed with all that is in it. It is
/// locked (flock) for as long as it lives, so that one whose process was killed is known.
class TemporaryFolder {
public:
    /// `hexcore-KIND-XXXXXX`, with a kind in small letters. Fails with ErrorCode::usage where none
    /// can be made.
    [[nodiscard]] static Result<TemporaryFolder> make(const std::string& kind);

    ~TemporaryFolder();
    TemporaryFolder(TemporaryFolder&& other) noexcept;
    TemporaryFolder& operator=(TemporaryFolder&&) = delete;
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    TemporaryFolder(std::filesystem::path path, FileDescriptor lock)
        : path_(std::move(path)), lock_(std::move(lock)) {}

    std::filesystem::path path_;
    FileDescriptor lock_;
};

/// Removes folders of that kind, this user's, whose processes were killed.
void remove_abandoned_folders(const std::string& kind);

}  // namespace hexcore
