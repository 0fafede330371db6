#include "hexcore/model/gguf_value.hpp"

namespace hexcore {

namespace {

// A vocabulary has some hundred thousand entries; this bounds the time a file can cost.
constexpr std::uint64_t array_length_max = 1ULL << 26U;

/// Bytes of one element; 0 for strings and arrays, which vary.
std::uint64_t size_of(GgufType type) {
    switch (type) {
        case GgufType::u8:
        case GgufType::i8:
        case GgufType::boolean:
            return 1;
        case GgufType::u16:
        case GgufType::i16:
            return 2;
        case GgufType::u32:
        case GgufType::i32:
        case GgufType::f32:
            return 4;
        case GgufType::u64:
        case GgufType::i64:
        case GgufType::f64:
            return 8;
        case GgufType::string:
        case GgufType::array:
            return 0;
    }
    return 0;
}

bool is_integer(GgufType type) {
    return size_of(type) != 0 && type != GgufType::boolean && type != GgufType::f32 &&
           type != GgufType::f64;
}

template <typename T>
Result<std::uint64_t> read_extended(ByteCursor& cursor) {
    HEXCORE_TRY(value, cursor.read<T>());
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
}

Result<std::uint64_t> read_integer(ByteCursor& cursor, GgufType type) {
    switch (type) {
        case GgufType::u8:
            return read_extended<std::uint8_t>(cursor);
        case GgufType::i8:
            return read_extended<std::int8_t>(cursor);
        case GgufType::u16:
            return read_extended<std::uint16_t>(cursor);
        case GgufType::i16:
            return read_extended<std::int16_t>(cursor);
        case GgufType::u32:
            return read_extended<std::uint32_t>(cursor);
        case GgufType::i32:
            return read_extended<std::int32_t>(cursor);
        default:
            return cursor.read<std::uint64_t>();
    }
}

Result<GgufType> read_type(ByteCursor& cursor) {
    HEXCORE_TRY(number, cursor.read<std::uint32_t>());
    if (number > static_cast<std::uint32_t>(GgufType::f64)) {
        return fail(ErrorCode::bad_input, "{} has the value type {}, which GGUF does not have",
                    cursor.part(), number);
    }
    return static_cast<GgufType>(number);
}

Result<void> read_string_value(ByteCursor& cursor, GgufValue& value) {
    HEXCORE_TRY(length, cursor.read<std::uint64_t>());
    value.length = length;
    HEXCORE_TRY(text, cursor.read_text(length, GgufMetadata::text_kept_max));
    value.text = std::move(text);
    return {};
}

Result<void> read_elements(ByteCursor& cursor, GgufValue& value) {
    if (value.type == GgufType::string) {
        for (std::uint64_t i = 0; i < value.length; ++i) {
            HEXCORE_TRY(length, cursor.read<std::uint64_t>());
            HEXCORE_TRY_VOID(cursor.skip(length));
        }
        return {};
    }
    if (!is_integer(value.type) || value.length > GgufMetadata::array_kept_max) {
        return cursor.skip(value.length * size_of(value.type));
    }
    for (std::uint64_t i = 0; i < value.length; ++i) {
        HEXCORE_TRY(element, read_integer(cursor, value.type));
        value.integers.push_back(element);
    }
    return {};
}

}  // namespace

Result<GgufValue> read_gguf_value(ByteCursor& cursor) {
    GgufValue value;
    HEXCORE_TRY(type, read_type(cursor));
    value.type = type;
    if (type == GgufType::string) {
        HEXCORE_TRY_VOID(read_string_value(cursor, value));
        return value;
    }
    if (type != GgufType::array) {
        value.length = 1;
        if (type == GgufType::f32) {
            HEXCORE_TRY(real, cursor.read<float>());
            value.real = real;
            return value;
        }
        HEXCORE_TRY_VOID(read_elements(cursor, value));
        return value;
    }
    HEXCORE_TRY(element_type, read_type(cursor));
    HEXCORE_TRY(length, cursor.read<std::uint64_t>());
    if (element_type == GgufType::array) {
        return fail(ErrorCode::bad_input, "{} is an array of arrays, which is not read",
                    cursor.part());
    }
    if (length > array_length_max) {
        return fail(ErrorCode::bad_input, "{} is an array of {} elements; at most {} are read",
                    cursor.part(), length, array_length_max);
    }
    value.type = element_type;
    value.is_array = true;
    value.length = length;
    HEXCORE_TRY_VOID(read_elements(cursor, value));
    return value;
}

}  // namespace hexcore
