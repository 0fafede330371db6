#include "hexcore/model/gguf_header.hpp"

#include <bit>
#include <utility>

#include "hexcore/model/byte_cursor.hpp"
#include "hexcore/model/gguf_tensors.hpp"
#include "hexcore/model/gguf_value.hpp"

namespace hexcore {

namespace {

constexpr std::uint32_t magic = 0x46554747;      // "GGUF"
constexpr std::uint64_t keys_max = 65536;        // real models have fewer than a hundred
constexpr std::uint64_t key_length_max = 65535;  // by the format
constexpr std::uint32_t alignment_default = 32;  // by the format

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
    if (version > 3) {
        return fail(ErrorCode::bad_input,
                    "has GGUF version {}, which is newer than this program: versions 2 and 3 are "
                    "read. Use a newer Hexcore, or a file of version 3",
                    version);
    }
    if (version < 2) {
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
    HEXCORE_TRY(tensors, read_tensor_table(cursor, counts.tensors));
    header.tensors = std::move(tensors);
    const Bytes data_start = round_up(Bytes(cursor.position()), Bytes(alignment));
    HEXCORE_TRY_VOID(
        locate_tensors(header.tensors, data_start, Bytes(alignment), Bytes(source.size())));
    return header;
}

}  // namespace hexcore
