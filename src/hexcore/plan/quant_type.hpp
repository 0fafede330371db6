#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {

/// How a ggml element type stores a row: blocks of so many elements in so many bytes.
struct QuantType {
    std::string_view name;  ///< ggml's, e.g. "q4_K"
    std::uint32_t block_elements = 1;
    std::uint32_t block_bytes = 1;
};

/// By ggml's name, in any case of letters. Fails with ErrorCode::usage, naming the known types.
[[nodiscard]] Result<QuantType> find_quant_type(std::string_view name);

/// The type that llama.cpp stores a matrix with rows of `row_elements` in when asked for `wanted`:
/// that one, or where rows are no whole number of its blocks, the one that llama-quantize falls
/// back to (tensor_type_fallback in llama-quant.cpp).
[[nodiscard]] QuantType type_for_rows(const QuantType& wanted, std::uint64_t row_elements);

/// Size of `rows` rows of `row_elements`, stored as type_for_rows() says.
[[nodiscard]] Bytes matrix_bytes(const QuantType& wanted, std::uint64_t row_elements,
                                 std::uint64_t rows);

}  // namespace hexcore
