#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "hexcore/report/page_parts.hpp"

namespace hexcore {

/// The page with its data: no character of it ends its element, or begins another.
[[nodiscard]] std::string page_with_data(const PageParts& page, const nlohmann::ordered_json& data);

/// So many bytes it takes there.
[[nodiscard]] std::size_t bytes_within_page(const nlohmann::ordered_json& data);

/// Each value less the one before: short where little changes.
template <typename Values, typename Number>
[[nodiscard]] nlohmann::ordered_json differences(const Values& values, Number number) {
    auto list = nlohmann::ordered_json::array();
    std::int64_t before = 0;
    for (const auto& value : values) {
        const std::int64_t now = number(value);
        list.push_back(now - before);
        before = now;
    }
    return list;
}

/// Cuts all texts in it, which programs and their users chose, after so many bytes, and makes them
/// printable.
void shorten_texts(nlohmann::ordered_json& value, std::size_t longest);

}  // namespace hexcore
