#include "hexcore/report/page_data.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "hexcore/base/printable.hpp"

namespace hexcore {

namespace {

/// Of what could end an element, or begin one, the letter's number stands there.
bool is_spelled_out(char letter) { return letter == '<' || letter == '>' || letter == '&'; }

std::string json_within_page(const nlohmann::ordered_json& data) {
    return data.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

std::string page_with_data(const PageParts& page, const nlohmann::ordered_json& data) {
    std::string text(page.before_data);
    for (const char letter : json_within_page(data)) {
        if (is_spelled_out(letter)) {
            text += fmt::format("\\u{:04x}", letter);
        } else {
            text += letter;
        }
    }
    text += page.behind_data;
    return text;
}

std::size_t bytes_within_page(const nlohmann::ordered_json& data) {
    constexpr std::size_t more = 5;  // of \u003c
    const std::string text = json_within_page(data);
    return text.size() +
           more * static_cast<std::size_t>(std::count_if(text.begin(), text.end(), is_spelled_out));
}

void shorten_texts(nlohmann::ordered_json& value, std::size_t longest) {
    if (value.is_string()) {
        value = shortened(value.get_ref<const std::string&>(), longest);
    }
    if (value.is_array() || value.is_object()) {
        for (nlohmann::ordered_json& item : value) {
            shorten_texts(item, longest);
        }
    }
}

}  // namespace hexcore
