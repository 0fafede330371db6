#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "hexcore/base/bytes.hpp"

namespace hexcore {

/// The document as text for files and terminals: indented by two, lists of plain values on one
/// line (an expert map of 58 x 256 takes 58 lines), ended by a line end. Bytes that are not UTF-8,
/// as generated text may hold when it stops in the middle of a character, become U+FFFD.
[[nodiscard]] std::string json_text(const nlohmann::ordered_json& document);

/// A size as documents have it, or null.
[[nodiscard]] nlohmann::ordered_json bytes_or_null(const std::optional<Bytes>& bytes);

}  // namespace hexcore
