#include "hexcore/model/tensor_type.hpp"

#include <ggml.h>

namespace hexcore {

std::optional<TensorType> tensor_type(std::uint32_t number) {
    // ggml indexes a table with the number, and asserts at best.
    if (number >= static_cast<std::uint32_t>(GGML_TYPE_COUNT)) {
        return std::nullopt;
    }
    const auto type = static_cast<ggml_type>(number);
    const auto block_elements = static_cast<std::uint64_t>(ggml_blck_size(type));
    const std::uint64_t block_bytes = ggml_type_size(type);
    if (block_elements == 0 || block_bytes == 0) {
        return std::nullopt;
    }
    return TensorType{ggml_type_name(type), block_elements, block_bytes};
}

}  // namespace hexcore
