#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// What is where somebody wants a file to be written.
struct WritePlace {
    enum class Kind : std::uint8_t {
        nothing,  ///< a file can be made there
        file,     ///< one that another can take the place of
        folder,
        stream,  ///< what can only be written into: a pipe, a terminal, a device, an open file
    };
    Kind kind = Kind::nothing;
    std::filesystem::path path;  ///< without the links that lead there
    // Of a file that is there.
    mode_t mode = 0;
    uid_t owner = 0;
    gid_t group = 0;
};

/// Looks at what a path leads to, by links that it may be. What the links in /proc lead to is a
/// stream even if it is a file: another one in its place would not reach who has it open. Fails
/// with ErrorCode::negative where links go in a circle, or may not be followed.
[[nodiscard]] Result<WritePlace> write_place(const std::filesystem::path& path);

/// The folder of a file that is going to be there.
[[nodiscard]] std::filesystem::path folder_of_file(const std::filesystem::path& path);

/// Why that could not be written, from errno.
[[nodiscard]] tl::unexpected<Error> cannot_write(const std::filesystem::path& path);

}  // namespace hexcore
