#pragma once

#include <cstdint>
#include <filesystem>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// Which file stands behind a name, and when it was last written. Two stamps are equal where it is
/// still the same file and nobody wrote to it in between.
struct FileStamp {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t size_bytes = 0;
    std::int64_t modified_ns = 0;  ///< since 1970, as fine as the file system counts

    bool operator==(const FileStamp&) const = default;
};

/// The stamp of the file that has this name now. Fails with ErrorCode::bad_input where none has.
[[nodiscard]] Result<FileStamp> stamp_of(const std::filesystem::path& path);

}  // namespace hexcore
