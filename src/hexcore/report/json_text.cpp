#include "hexcore/report/json_text.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

std::string compact(const Json& value) {
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool is_plain_list(const Json& value) {
    return value.is_array() && std::none_of(value.begin(), value.end(), [](const Json& item) {
               return item.is_structured() || item.is_string();
           });
}

void write_plain_list(const Json& list, std::string& out) {
    out += '[';
    for (std::size_t i = 0; i < list.size(); ++i) {
        out += (i == 0 ? "" : ", ") + compact(list[i]);
    }
    out += ']';
}

void write(const Json& value, std::size_t depth, std::string& out) {
    if (!value.is_structured() || value.empty()) {
        out += compact(value);
        return;
    }
    if (is_plain_list(value)) {
        write_plain_list(value, out);
        return;
    }
    out += value.is_object() ? '{' : '[';
    bool first = true;
    for (const auto& item : value.items()) {
        out += first ? "\n" : ",\n";
        first = false;
        out.append(2 * (depth + 1), ' ');
        if (value.is_object()) {
            out += compact(Json(item.key())) + ": ";
        }
        write(item.value(), depth + 1, out);
    }
    out += '\n';
    out.append(2 * depth, ' ');
    out += value.is_object() ? '}' : ']';
}

}  // namespace

Json bytes_or_null(const std::optional<Bytes>& bytes) {
    return bytes ? Json(bytes->count()) : Json();
}

std::string json_text(const Json& document) {
    std::string out;
    write(document, 0, out);
    out += '\n';
    return out;
}

}  // namespace hexcore
