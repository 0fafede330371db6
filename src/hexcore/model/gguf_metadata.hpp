#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// The type of a value in a GGUF file, by its number there.
enum class GgufType : std::uint32_t {
    u8,
    i8,
    u16,
    i16,
    u32,
    i32,
    f32,
    boolean,
    string,
    array,
    u64,
    i64,
    f64,
};

[[nodiscard]] const char* to_string(GgufType type);

/// One value of a GGUF file, as far as somebody here can need it: integers, short strings, short
/// arrays of integers, single f32. Of anything else only type and length are known.
struct GgufValue {
    GgufType type = GgufType::u32;  ///< of the elements where is_array
    bool is_array = false;
    std::uint64_t length = 0;  ///< elements of an array, bytes of a string
    /// One integer, or those of an array; sign-extended. Empty where they were not kept.
    std::vector<std::uint64_t> integers;
    std::string text;  ///< of a longer one the first text_kept_max bytes
    float real = 0;    ///< of a single f32
};

/// The key-value pairs of a GGUF file with typed access. All failures are ErrorCode::bad_input and
/// name the key.
class GgufMetadata {
public:
    /// Longer arrays are not kept, and longer strings not whole. libllama has at most 512 layers.
    static constexpr std::uint64_t array_kept_max = 1024;
    static constexpr std::uint64_t text_kept_max = 1024;

    /// Fails where the key is there already.
    [[nodiscard]] Result<void> insert(std::string key, GgufValue&& value);

    /// Null where there is no such key.
    [[nodiscard]] const GgufValue* find(std::string_view key) const;

    /// A non-negative integer of any width that fits 32 bits.
    [[nodiscard]] Result<std::uint32_t> number(std::string_view key) const;
    [[nodiscard]] Result<std::uint32_t> number_or(std::string_view key,
                                                  std::uint32_t fallback) const;
    [[nodiscard]] Result<std::string> text(std::string_view key) const;
    [[nodiscard]] Result<std::string> text_or(std::string_view key, std::string fallback) const;
    /// The string, or where it is longer than text_kept_max that many bytes of it.
    [[nodiscard]] Result<std::string> text_start_or(std::string_view key,
                                                    std::string fallback) const;

    /// `count` numbers: from an array of that length, or one number for all of them.
    [[nodiscard]] Result<std::vector<std::uint32_t>> numbers_or(
        std::string_view key, std::vector<std::uint32_t> fallback) const;

private:
    std::map<std::string, GgufValue, std::less<>> values_;
};

}  // namespace hexcore
