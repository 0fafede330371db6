#include "hexcore/model/gguf_tensors.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "hexcore/model/tensor_type.hpp"

namespace hexcore {

namespace {

constexpr std::uint64_t name_length_max = 63;        // GGML_MAX_NAME, less its final zero
constexpr std::uint64_t data_end_max = 1ULL << 62U;  // keeps sums of positions from wrapping

/// Reads the dimensions; the product of all is at most 2^63 - 1.
Result<void> read_shape(ByteCursor& cursor, TensorInfo& tensor) {
    HEXCORE_TRY(n_dimensions, cursor.read<std::uint32_t>());
    if (n_dimensions > tensor.shape.size()) {
        return fail(ErrorCode::bad_input, "{} has {} dimensions; at most {} can be", cursor.part(),
                    n_dimensions, tensor.shape.size());
    }
    tensor.shape.fill(1);
    std::int64_t elements = 1;
    for (std::uint32_t i = 0; i < n_dimensions; ++i) {
        HEXCORE_TRY(length, cursor.read<std::int64_t>());
        if (length <= 0) {
            return fail(ErrorCode::bad_input, "{} has {} elements in dimension {}", cursor.part(),
                        length, i);
        }
        if (__builtin_mul_overflow(elements, length, &elements)) {
            return fail(ErrorCode::bad_input, "{} has more elements than 63 bits can count",
                        cursor.part());
        }
        tensor.shape[i] = length;
    }
    return {};
}

/// Reads the element type; with the shape it gives the bytes.
Result<void> read_type(ByteCursor& cursor, TensorInfo& tensor) {
    HEXCORE_TRY(number, cursor.read<std::uint32_t>());
    const std::optional<TensorType> type = tensor_type(number);
    if (!type) {
        return fail(ErrorCode::bad_input, "{} has the type number {}, which is no type of ggml's",
                    cursor.part(), number);
    }
    const auto row = static_cast<std::uint64_t>(tensor.shape[0]);
    if (row % type->block_elements != 0) {
        return fail(ErrorCode::bad_input,
                    "{} has rows of {} elements; type {} comes in blocks of {}", cursor.part(), row,
                    type->name, type->block_elements);
    }
    std::uint64_t blocks = row / type->block_elements;
    for (std::size_t i = 1; i < tensor.shape.size(); ++i) {
        blocks *= static_cast<std::uint64_t>(tensor.shape[i]);
    }
    std::uint64_t bytes = 0;
    if (__builtin_mul_overflow(blocks, type->block_bytes, &bytes) || bytes > data_end_max) {
        return fail(ErrorCode::bad_input, "{} has more bytes than can be addressed", cursor.part());
    }
    tensor.type = type->name;
    tensor.bytes = Bytes(bytes);
    return {};
}

Result<void> check_overlaps(const std::vector<TensorInfo>& tensors) {
    std::vector<std::uint32_t> order(tensors.size());
    std::iota(order.begin(), order.end(), 0U);
    std::ranges::sort(order, {}, [&](std::uint32_t i) { return tensors[i].offset_bytes; });
    for (std::size_t i = 1; i < order.size(); ++i) {
        const TensorInfo& before = tensors[order[i - 1]];
        const TensorInfo& after = tensors[order[i]];
        if (before.offset_bytes + before.bytes.count() > after.offset_bytes) {
            return fail(ErrorCode::bad_input,
                        "tensor {} has {} bytes from byte {} on and overlaps tensor {} at byte {}",
                        in_quotes(before.name), before.bytes.count(), before.offset_bytes,
                        in_quotes(after.name), after.offset_bytes);
        }
    }
    return {};
}

}  // namespace

Result<std::vector<TensorInfo>> read_tensor_table(ByteCursor& cursor, std::uint64_t n_tensors) {
    std::vector<TensorInfo> tensors;  // grows as entries are read, never by what is claimed
    for (std::uint64_t i = 0; i < n_tensors; ++i) {
        cursor.enter(fmt::format("tensor {} of {}", i + 1, n_tensors));
        HEXCORE_TRY(name, cursor.read_string(name_length_max));
        if (name.empty()) {
            return fail(ErrorCode::bad_input, "{} has an empty name", cursor.part());
        }
        cursor.enter("tensor " + in_quotes(name));
        TensorInfo tensor;
        tensor.name = std::move(name);
        HEXCORE_TRY_VOID(read_shape(cursor, tensor));
        HEXCORE_TRY_VOID(read_type(cursor, tensor));
        HEXCORE_TRY(offset, cursor.read<std::uint64_t>());
        tensor.offset_bytes = offset;
        tensors.push_back(std::move(tensor));
    }
    return tensors;
}

Result<void> locate_tensors(std::vector<TensorInfo>& tensors, Bytes data_start, Bytes alignment,
                            Bytes file_size) {
    for (TensorInfo& tensor : tensors) {
        if (tensor.offset_bytes % alignment.count() != 0) {
            return fail(ErrorCode::bad_input,
                        "tensor {} has the offset {}, which is no multiple of the alignment {}",
                        in_quotes(tensor.name), tensor.offset_bytes, alignment.count());
        }
        if (tensor.offset_bytes > data_end_max ||
            data_start + Bytes(tensor.offset_bytes) + tensor.bytes > file_size) {
            return fail(ErrorCode::bad_input,
                        "tensor {} has {} bytes from offset {} of the data that starts at byte {}, "
                        "but the file ends at byte {}: it is cut off (is it still being "
                        "downloaded?) or damaged",
                        in_quotes(tensor.name), tensor.bytes.count(), tensor.offset_bytes,
                        data_start.count(), file_size.count());
        }
        tensor.offset_bytes += data_start.count();
    }
    return check_overlaps(tensors);
}

}  // namespace hexcore
