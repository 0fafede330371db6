#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "hexcore/report/page_parts.hpp"

namespace hexcore {

/// The page with its data: no character of it ends its element, or begins another.
[[nodiscard]] std::string page_with_data(const PageParts& page, const nlohmann::ordered_json& data);

/// Cuts all texts in it, which programs and their users chose, after so many bytes, and makes them
/// printable.
void shorten_texts(nlohmann::ordered_json& value, std::size_t longest);

}  // namespace hexcore
