#pragma once

#include <filesystem>
#include <utility>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// An empty folder of this process's own, below TMPDIR; removed with all that is in it.
class TemporaryFolder {
public:
    /// Fails with ErrorCode::usage where none can be made.
    [[nodiscard]] static Result<TemporaryFolder> make();

    ~TemporaryFolder();
    TemporaryFolder(TemporaryFolder&& other) noexcept;
    TemporaryFolder& operator=(TemporaryFolder&&) = delete;
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    explicit TemporaryFolder(std::filesystem::path path) : path_(std::move(path)) {}

    std::filesystem::path path_;
};

}  // namespace hexcore
