#pragma once

#include <cstdint>
#include <vector>

#include "hexcore/model/byte_cursor.hpp"
#include "hexcore/model/inventory.hpp"

namespace hexcore {

/// Bytes of the shortest entry in a tensor table: a name of one byte, no dimensions.
inline constexpr std::uint64_t tensor_entry_size_min = 25;

/// Reads the `n_tensors` entries of a tensor table. Of each tensor name, type, shape and bytes are
/// final; offset_bytes is still relative to the data section and unchecked. Fails with
/// ErrorCode::bad_input, naming the tensor.
[[nodiscard]] Result<std::vector<TensorInfo>> read_tensor_table(ByteCursor& cursor,
                                                                std::uint64_t n_tensors);

/// Makes the offsets relative to the file. Fails with ErrorCode::bad_input, naming the tensor,
/// where one is not aligned, not wholly inside the file, or overlaps another.
[[nodiscard]] Result<void> locate_tensors(std::vector<TensorInfo>& tensors, Bytes data_start,
                                          Bytes alignment, Bytes file_size);

}  // namespace hexcore
