#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace hexcore {

/// Looks for NaN and infinity in tensor data: in every element of a floating-point type, and in the
/// scales of a quantised one, whose other bits are integers. As ggml_validate_row_data does, which
/// tells what it found on stderr and takes several times as long for most quantised types.
class ValueCheck {
public:
    /// For ggml's element type of that name; nothing where it has no floating-point part.
    [[nodiscard]] static std::optional<ValueCheck> of(std::string_view type_name);

    [[nodiscard]] std::size_t block_bytes() const { return block_bytes_; }
    /// Where the first block that holds one begins in `data`, which is whole blocks.
    [[nodiscard]] std::optional<std::size_t> first_bad_block(std::span<const std::byte> data) const;

private:
    /// True where one of `n_blocks` blocks is bad.
    using Find = bool (*)(const std::byte* data, std::size_t n_blocks, int type);

    ValueCheck(int type, std::size_t block_bytes, Find find)
        : type_(type), block_bytes_(block_bytes), find_(find) {}

    int type_;
    std::size_t block_bytes_;
    Find find_;
};

}  // namespace hexcore
