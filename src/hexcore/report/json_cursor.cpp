#include "hexcore/report/json_cursor.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "hexcore/report/text_style.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

using std::string_view_literals::operator""sv;

constexpr std::uint64_t most_bytes = (1ULL << 53U) - 1;

/// The value for an error message: short values as they are, longer ones by their kind.
std::string describe(const Json& value) {
    if (value.is_structured()) {
        return value.is_object() ? "an object" : "a list";
    }
    std::string text = printable(value.dump(-1, ' ', true, Json::error_handler_t::replace));
    constexpr std::size_t longest = 60;
    if (text.size() > longest) {
        text = text.substr(0, longest) + "...";
    }
    return text;
}

/// What the library's exception says, without its number and the place, which it counts otherwise:
/// "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while parsing
/// value - invalid literal; last read: 'x'".
std::string reason_of(const Json::exception& error) {
    std::string_view text = error.what();
    for (const std::string_view before : {"] "sv, " - "sv}) {
        if (const std::size_t found = text.find(before); found != std::string_view::npos) {
            text.remove_prefix(found + before.size());
        }
    }
    return printable(text);
}

}  // namespace

bool JsonCursor::has(std::string_view key) const {
    return value_->is_object() && value_->find(std::string(key)) != value_->end();
}

bool JsonCursor::is_null() const { return value_->is_null(); }

tl::unexpected<Error> JsonCursor::wrong(std::string_view problem) const {
    return fail(ErrorCode::bad_input, "{} is {}; {}", named(), describe(*value_), problem);
}

Result<JsonCursor> JsonCursor::member(std::string_view key) const {
    if (!value_->is_object()) {
        return wrong("it must be an object");
    }
    const auto found = value_->find(std::string(key));
    if (found == value_->end()) {
        return fail(ErrorCode::bad_input, "{} lacks the key '{}'", named(), key);
    }
    return JsonCursor(*found, fmt::format("{}{}{}", path_, path_.empty() ? "" : ".", key));
}

std::string_view JsonCursor::named() const { return path_.empty() ? "the document"sv : path_; }

Result<std::vector<JsonCursor>> JsonCursor::elements() const {
    if (!value_->is_array()) {
        return wrong("it must be a list");
    }
    std::vector<JsonCursor> cursors;
    cursors.reserve(value_->size());
    for (std::size_t i = 0; i < value_->size(); ++i) {
        cursors.emplace_back((*value_)[i], fmt::format("{}[{}]", path_, i));
    }
    return cursors;
}

Result<std::string> JsonCursor::text() const {
    if (!value_->is_string()) {
        return wrong("it must be a text");
    }
    return value_->get<std::string>();
}

Result<bool> JsonCursor::truth() const {
    if (!value_->is_boolean()) {
        return wrong("it must be true or false");
    }
    return value_->get<bool>();
}

Result<double> JsonCursor::number() const {
    if (!value_->is_number()) {
        return wrong("it must be a number");
    }
    const auto number = value_->get<double>();
    if (!std::isfinite(number) || number < 0) {
        return wrong("it must not be negative");
    }
    return number;
}

Result<std::uint32_t> JsonCursor::count() const {
    if (!value_->is_number_unsigned() ||
        value_->get<std::uint64_t>() > std::numeric_limits<std::uint32_t>::max()) {
        return wrong("it must be a whole number from 0 to 4294967295");
    }
    return value_->get<std::uint32_t>();
}

Result<Bytes> JsonCursor::bytes() const {
    if (!value_->is_number_unsigned() || value_->get<std::uint64_t>() > most_bytes) {
        return wrong("it must be a whole number of bytes, from 0 to 9007199254740991");
    }
    return Bytes(value_->get<std::uint64_t>());
}

Result<Json> parse_json(std::string_view text, std::string_view what) {
    // The library reports where and why only through exceptions; they end here.
    try {
        return Json::parse(text.begin(), text.end());
    } catch (const Json::parse_error& error) {
        if (text.empty()) {
            return fail(ErrorCode::bad_input, "the {} is empty", what);
        }
        const std::string_view before = text.substr(0, std::min(error.byte, text.size()));
        const auto line = 1 + std::count(before.begin(), before.end(), '\n');
        const std::size_t line_end = before.rfind('\n');
        const std::size_t column =
            line_end == std::string_view::npos ? before.size() : before.size() - line_end - 1;
        return fail(ErrorCode::bad_input, "the {} is not JSON: line {}, column {} ({})", what, line,
                    column, reason_of(error));
    } catch (const Json::exception& error) {
        return fail(ErrorCode::bad_input, "the {} cannot be read as JSON ({})", what,
                    reason_of(error));
    }
}

}  // namespace hexcore
