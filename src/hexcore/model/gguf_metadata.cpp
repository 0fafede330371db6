#include "hexcore/model/gguf_metadata.hpp"

#include <array>
#include <limits>
#include <utility>

#include "hexcore/model/byte_cursor.hpp"

namespace hexcore {

namespace {

std::string describe(const GgufValue& value) {
    if (value.is_array) {
        return fmt::format("an array of {} {} elements", value.length, to_string(value.type));
    }
    return fmt::format("of type {}", to_string(value.type));
}

bool is_signed(GgufType type) {
    return type == GgufType::i8 || type == GgufType::i16 || type == GgufType::i32 ||
           type == GgufType::i64;
}

/// The kept integer at `index` as 32 bits.
Result<std::uint32_t> narrow(std::string_view key, const GgufValue& value, std::size_t index) {
    const std::uint64_t integer = value.integers[index];
    if (is_signed(value.type) && static_cast<std::int64_t>(integer) < 0) {
        return fail(ErrorCode::bad_input, "key {} is {}, which cannot be negative", in_quotes(key),
                    static_cast<std::int64_t>(integer));
    }
    if (integer > std::numeric_limits<std::uint32_t>::max()) {
        return fail(ErrorCode::bad_input, "key {} is {}, which is too large", in_quotes(key),
                    integer);
    }
    return static_cast<std::uint32_t>(integer);
}

bool is_text(const GgufValue& value) { return value.type == GgufType::string && !value.is_array; }

tl::unexpected<Error> missing(std::string_view key) {
    return fail(ErrorCode::bad_input, "key {} is missing", in_quotes(key));
}

}  // namespace

const char* to_string(GgufType type) {
    static constexpr std::array names = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                         "bool", "string", "array", "u64", "i64", "f64"};
    const auto index = static_cast<std::size_t>(type);
    return index < names.size() ? names[index] : "unknown";
}

Result<void> GgufMetadata::insert(std::string key, GgufValue&& value) {
    const auto [place, is_new] = values_.try_emplace(std::move(key), std::move(value));
    if (!is_new) {
        return fail(ErrorCode::bad_input, "key {} is there twice", in_quotes(place->first));
    }
    return {};
}

const GgufValue* GgufMetadata::find(std::string_view key) const {
    const auto place = values_.find(key);
    return place == values_.end() ? nullptr : &place->second;
}

Result<std::uint32_t> GgufMetadata::number(std::string_view key) const {
    const GgufValue* value = find(key);
    if (value == nullptr) {
        return missing(key);
    }
    if (value->is_array || value->integers.size() != 1) {
        return fail(ErrorCode::bad_input, "key {} is {}, but must be an integer", in_quotes(key),
                    describe(*value));
    }
    return narrow(key, *value, 0);
}

Result<std::uint32_t> GgufMetadata::number_or(std::string_view key, std::uint32_t fallback) const {
    return find(key) == nullptr ? fallback : number(key);
}

Result<std::string> GgufMetadata::text(std::string_view key) const {
    const GgufValue* value = find(key);
    if (value == nullptr) {
        return missing(key);
    }
    if (value->length > text_kept_max && is_text(*value)) {
        return fail(ErrorCode::bad_input, "key {} has {} bytes, but can have at most {}",
                    in_quotes(key), value->length, text_kept_max);
    }
    return text_start_or(key, "");
}

Result<std::string> GgufMetadata::text_or(std::string_view key, std::string fallback) const {
    return find(key) == nullptr ? std::move(fallback) : text(key);
}

Result<std::string> GgufMetadata::text_start_or(std::string_view key, std::string fallback) const {
    const GgufValue* value = find(key);
    if (value == nullptr) {
        return fallback;
    }
    if (!is_text(*value)) {
        return fail(ErrorCode::bad_input, "key {} is {}, but must be a string", in_quotes(key),
                    describe(*value));
    }
    return value->text;
}

Result<std::vector<std::uint32_t>> GgufMetadata::numbers_or(
    std::string_view key, std::vector<std::uint32_t> fallback) const {
    const GgufValue* value = find(key);
    if (value == nullptr) {
        return fallback;
    }
    std::vector<std::uint32_t> numbers = std::move(fallback);
    if (!value->is_array) {
        HEXCORE_TRY(same, number(key));
        numbers.assign(numbers.size(), same);
        return numbers;
    }
    if (value->integers.size() != numbers.size()) {
        return fail(ErrorCode::bad_input, "key {} is {}, but must be {} integers, one a layer",
                    in_quotes(key), describe(*value), numbers.size());
    }
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        HEXCORE_TRY(element, narrow(key, *value, i));
        numbers[i] = element;
    }
    return numbers;
}

}  // namespace hexcore
