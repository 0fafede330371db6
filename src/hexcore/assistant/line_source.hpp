#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {

/// The lines of a text file, whatever ends them, one at a time. A longer line than `line_bytes_max`
/// comes in several. Bytes that are no UTF-8 are question marks; a mark of the byte order is left
/// out.
class LineSource {
public:
    /// Fails with ErrorCode::bad_input, as next(), for what is no file or cannot be read.
    [[nodiscard]] static Result<LineSource> open(const std::filesystem::path& file);

    /// Nothing: there is no more.
    [[nodiscard]] Result<std::optional<std::string>> next();
    /// A NUL byte was met, which no text has.
    [[nodiscard]] bool is_binary() const { return is_binary_; }
    /// Lines in which bytes were replaced.
    [[nodiscard]] std::uint64_t replaced() const { return replaced_; }

    static constexpr std::size_t line_bytes_max = 65536;

private:
    LineSource(FileDescriptor file, std::filesystem::path path);
    /// -1: the end; -2: it cannot be read.
    [[nodiscard]] int byte();

    FileDescriptor file_;
    std::filesystem::path path_;
    std::array<char, 65536> buffer_{};
    std::size_t at_ = 0;
    std::size_t size_ = 0;
    bool after_return_ = false;
    bool is_first_ = true;
    bool is_binary_ = false;
    std::uint64_t replaced_ = 0;
};

}  // namespace hexcore
