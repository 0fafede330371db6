#include "hexcore/model/gguf_header.hpp"

#include <algorithm>
#include <bit>
#include <numeric>
#include <optional>
#include <utility>

#include "hexcore/model/byte_cursor.hpp"
#include "hexcore/model/gguf_value.hpp"
#include "hexcore/model/tensor_type.hpp"

namespace hexcore {

namespace {

constexpr std::uint32_t magic = 0x46554747;           // "GGUF"
constexpr std::uint64_t keys_max = 65536;             // real models have fewer than a hundred
constexpr std::uint64_t key_length_max = 65535;       // by the format
constexpr std::uint64_t tensor_name_length_max = 63;  // by ggml
constexpr std::uint64_t tensor_entry_size_min = 25;   // name of one byte, no dimensions
constexpr std::uint32_t alignment_default = 32;       // by the format
constexpr std::uint64_t data_end_max = 1ULL << 62U;   // keeps sums of positions from wrapping

struct Counts {
    std::uint64_t keys = 0;
    std::uint64_t tensors = 0;
};

Result<Counts> read_preamble(ByteCursor& cursor) {
    HEXCORE_TRY(first, cursor.read<std::uint32_t>());
    if (first != magic) {
        return fail(ErrorCode::bad_input, "is not a GGUF file: it starts with {}, not with 'GGUF'",
                    in_quotes({reinterpret_cast<const char*>(&first), sizeof first}));
    }
    HEXCORE_TRY(version, cursor.read<std::uint32_t>());
    if (version != 0 && (version & 0xFFFFU) == 0) {
        return fail(ErrorCode::bad_input,
                    "is a big-endian GGUF file; convert it to little-endian, which is the only "
                    "byte order read here");
    }
    if (version < 2 || version > 3) {
        return fail(ErrorCode::bad_input,
                    "has GGUF version {}; versions 2 and 3 are read. Convert the model again with "
                    "a current llama.cpp",
                    version);
    }
    HEXCORE_TRY(tensors, cursor.read<std::uint64_t>());
    HEXCORE_TRY(keys, cursor.read<std::uint64_t>());
    if (tensors > cursor.remaining() / tensor_entry_size_min) {
        return fail(
            ErrorCode::bad_input,
            "claims {} tensors, which its {} remaining bytes cannot describe: it is cut off or "
            "damaged",
            tensors, cursor.remaining());
    }
    if (keys > keys_max) {
        return fail(ErrorCode::bad_input, "claims {} keys; at most {} are read", keys, keys_max);
    }
    return Counts{keys, tensors};
}

Result<GgufMetadata> read_metadata(ByteCursor& cursor, std::uint64_t n_keys) {
    GgufMetadata metadata;
    for (std::uint64_t i = 0; i < n_keys; ++i) {
        cursor.enter(fmt::format("key {} of {}", i + 1, n_keys));
        HEXCORE_TRY(key, cursor.read_string(key_length_max));
        if (key.empty()) {
            return fail(ErrorCode::bad_input, "key {} of {} has an empty name", i + 1, n_keys);
        }
        cursor.enter("key " + in_quotes(key));
        HEXCORE_TRY(value, read_gguf_value(cursor));
        HEXCORE_TRY_VOID(metadata.insert(std::move(key), std::move(value)));
    }
    return metadata;
}

/// Reads the dimensions of `tensor`; the product of all is at most 2^63 - 1.
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

Result<TensorInfo> read_tensor(ByteCursor& cursor, std::uint64_t index, std::uint64_t n_tensors) {
    TensorInfo tensor;
    cursor.enter(fmt::format("tensor {} of {}", index + 1, n_tensors));
    HEXCORE_TRY(name, cursor.read_string(tensor_name_length_max));
    if (name.empty()) {
        return fail(ErrorCode::bad_input, "{} has an empty name", cursor.part());
    }
    cursor.enter("tensor " + in_quotes(name));
    tensor.name = std::move(name);
    HEXCORE_TRY_VOID(read_shape(cursor, tensor));
    HEXCORE_TRY(type_number, cursor.read<std::uint32_t>());
    const std::optional<TensorType> type = tensor_type(type_number);
    if (!type) {
        return fail(ErrorCode::bad_input, "{} has the type number {}, which is no type of ggml's",
                    cursor.part(), type_number);
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
    HEXCORE_TRY(offset, cursor.read<std::uint64_t>());
    tensor.offset_bytes = offset;
    return tensor;
}

/// Turns offsets within the data section into offsets within the file, which has `file_size` bytes,
/// and checks that each tensor lies inside it.
Result<void> locate_tensors(std::vector<TensorInfo>& tensors, std::uint64_t data_start,
                            std::uint64_t alignment, std::uint64_t file_size) {
    for (TensorInfo& tensor : tensors) {
        if (tensor.offset_bytes % alignment != 0) {
            return fail(ErrorCode::bad_input,
                        "tensor {} has the offset {}, which is no multiple of the alignment {}",
                        in_quotes(tensor.name), tensor.offset_bytes, alignment);
        }
        if (tensor.offset_bytes > data_end_max ||
            data_start + tensor.offset_bytes + tensor.bytes.count() > file_size) {
            return fail(ErrorCode::bad_input,
                        "tensor {} has {} bytes from offset {} of the data that starts at byte {}, "
                        "but the file ends at byte {}: it is cut off (is it still being "
                        "downloaded?) or damaged",
                        in_quotes(tensor.name), tensor.bytes.count(), tensor.offset_bytes,
                        data_start, file_size);
        }
        tensor.offset_bytes += data_start;
    }
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

Result<GgufHeader> read_gguf_header(const ByteSource& source) {
    ByteCursor cursor(source);
    HEXCORE_TRY(counts, read_preamble(cursor));
    GgufHeader header;
    HEXCORE_TRY(metadata, read_metadata(cursor, counts.keys));
    HEXCORE_TRY(alignment, metadata.number_or("general.alignment", alignment_default));
    if (!std::has_single_bit(alignment)) {
        return fail(ErrorCode::bad_input, "key 'general.alignment' is {}, but must be a power of 2",
                    alignment);
    }
    header.metadata = std::move(metadata);
    for (std::uint64_t i = 0; i < counts.tensors; ++i) {
        HEXCORE_TRY(tensor, read_tensor(cursor, i, counts.tensors));
        header.tensors.push_back(std::move(tensor));
    }
    const std::uint64_t data_start = round_up(Bytes(cursor.position()), Bytes(alignment)).count();
    HEXCORE_TRY_VOID(locate_tensors(header.tensors, data_start, alignment, source.size()));
    HEXCORE_TRY_VOID(check_overlaps(header.tensors));
    return header;
}

}  // namespace hexcore
