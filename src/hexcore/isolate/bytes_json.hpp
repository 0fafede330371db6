#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace hexcore {

/// A JSON document whose strings may hold bytes that are no UTF-8, as those of GoogleTest do; null
/// where it is none. Each byte is read as the character of its number, so bytes_of() gives back
/// what was there.
[[nodiscard]] nlohmann::json bytes_json(std::string_view text);

/// The bytes of a string in a document of bytes_json(); empty for what is no string.
[[nodiscard]] std::string bytes_of(const nlohmann::json& value);

/// A member of an object; null where there is none, or no object.
[[nodiscard]] const nlohmann::json& member(const nlohmann::json& object, const char* name);
/// The elements of an array; none for what is no array.
[[nodiscard]] const nlohmann::json& elements(const nlohmann::json& value);
/// A whole number that fits; 0 for anything else.
[[nodiscard]] std::uint32_t small_number(const nlohmann::json& value);

}  // namespace hexcore
