#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {

/// Where the kernel's files are read from: the machine itself, or a tree of fixtures in its place.
struct ProcRoot {
    std::string prefix = {};  ///< put before absolute paths; empty for the machine itself

    [[nodiscard]] std::string path(std::string_view absolute) const {
        return prefix + std::string(absolute);
    }

    /// The whole file, or nothing where it is not there. Fails with ErrorCode::bad_input where it
    /// is there and cannot be read.
    [[nodiscard]] Result<std::optional<std::string>> read_if_there(std::string_view absolute) const;
    /// The whole file. Fails with ErrorCode::bad_input where it is not there or cannot be read.
    [[nodiscard]] Result<std::string> read(std::string_view absolute) const;
    /// What a symbolic link says, or nothing where there is none or it may not be read.
    [[nodiscard]] std::optional<std::string> read_link(std::string_view absolute) const;
};

/// Takes the first line off `text`, without its line end.
[[nodiscard]] std::string_view take_line(std::string_view& text);

/// Takes the first word off `line`, which may be empty where there is none.
[[nodiscard]] std::string_view take_word(std::string_view& line);
/// The number behind `key` in lines of `KEY NUMBER`; 0 where there is none.
[[nodiscard]] std::uint64_t number_of_key(std::string_view text, std::string_view key);

/// `text` without blanks and line ends around it.
[[nodiscard]] std::string_view trimmed(std::string_view text);

}  // namespace hexcore
