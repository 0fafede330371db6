#include "hexcore/isolate/bytes_json.hpp"

#include <limits>

#include "hexcore/base/utf8.hpp"

namespace hexcore {

nlohmann::json bytes_json(std::string_view text) {
    std::string widened;
    widened.reserve(text.size());
    for (const char byte : text) {
        const auto number = static_cast<unsigned char>(byte);
        if (number < 0x80U) {
            widened += byte;
        } else {
            widened += static_cast<char>(0xC0U | (number >> 6U));
            widened += static_cast<char>(0x80U | (number & 0x3FU));
        }
    }
    nlohmann::json document = nlohmann::json::parse(widened, nullptr, false);
    return document.is_discarded() ? nlohmann::json() : document;
}

std::string bytes_of(const nlohmann::json& value) {
    const auto* text = value.get_ptr<const std::string*>();
    if (text == nullptr) {
        return {};
    }
    std::string bytes;
    for (std::size_t i = 0; i < text->size(); ++i) {
        const auto first = static_cast<unsigned char>((*text)[i]);
        if (first < 0x80U || i + 1 == text->size() || !is_continuation((*text)[i + 1])) {
            bytes += (*text)[i];
            continue;
        }
        ++i;
        bytes +=
            static_cast<char>((first << 6U) | (static_cast<unsigned char>((*text)[i]) & 0x3FU));
    }
    return bytes;
}

const nlohmann::json& member(const nlohmann::json& object, const char* name) {
    static const nlohmann::json nothing;
    const auto found = object.find(name);  // of what is no object, its end
    return found == object.end() ? nothing : *found;
}

const nlohmann::json& elements(const nlohmann::json& value) {
    static const nlohmann::json none = nlohmann::json::array();
    return value.is_array() ? value : none;
}

std::uint32_t small_number(const nlohmann::json& value) {
    const auto number = value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
    return number > std::numeric_limits<std::uint32_t>::max() ? 0
                                                              : static_cast<std::uint32_t>(number);
}

}  // namespace hexcore
