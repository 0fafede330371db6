#pragma once

#include <cstdint>
#include <optional>

namespace hexcore {

/// How ggml lays out the elements of a type: in blocks of a number of elements and bytes.
struct TensorType {
    const char* name;  ///< ggml's, e.g. "q4_K"
    std::uint64_t block_elements = 1;
    std::uint64_t block_bytes = 1;
};

/// The type of that number in a GGUF file; empty for numbers that ggml doesn't know or that stood
/// for types which it has given up. Any number is safe to ask for.
[[nodiscard]] std::optional<TensorType> tensor_type(std::uint32_t number);

}  // namespace hexcore
