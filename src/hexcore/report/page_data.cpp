#include "hexcore/report/page_data.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "hexcore/base/printable.hpp"

namespace hexcore {

std::string page_with_data(const PageParts& page, const nlohmann::ordered_json& data) {
    std::string text(page.before_data);
    for (const char letter :
         data.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace)) {
        if (letter == '<' || letter == '>' || letter == '&') {
            text += fmt::format("\\u{:04x}", letter);
        } else {
            text += letter;
        }
    }
    text += page.behind_data;
    return text;
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
