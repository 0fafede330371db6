#include "hexcore/serve/json_fields.hpp"

#include <fmt/format.h>

#include <utility>

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

constexpr int depth_most = 64;

ApiError no_json(std::string message) {
    return wrong_field({}, std::move(message), "invalid_json");
}

/// Where it is none, and whether that is for its characters.
ApiError said_of(const Json::parse_error& error) {
    const bool is_character = std::string_view(error.what()).find("UTF-8") != std::string::npos;
    return no_json(
        fmt::format("the body is no {} at byte {}", is_character ? "UTF-8" : "JSON", error.byte));
}

/// A number without what is behind its point; nothing where that takes more than 64 bits.
std::optional<std::int64_t> in_64_bits(const Json& number) {
    constexpr double two_to_63 = 9223372036854775808.0;
    if (number.is_number_float()) {
        const double value = number.get<double>();
        return value >= -two_to_63 && value < two_to_63
                   ? std::optional(static_cast<std::int64_t>(value))
                   : std::nullopt;
    }
    const bool wraps =
        number.is_number_unsigned() &&
        number.get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int64_t>::max()};
    return wraps ? std::nullopt : std::optional(number.get<std::int64_t>());
}

}  // namespace

Asked<Json> read_body(std::string_view body) {
    if (body.empty()) {
        return tl::unexpected(no_json("the body is empty"));
    }
    bool too_deep = false;
    const auto watch = [&too_deep](int depth, Json::parse_event_t, Json&) {
        too_deep = too_deep || depth > depth_most;
        return !too_deep;  // what is left out is not kept, so neither is its depth
    };
    Json json = Json::value_t::discarded;
    std::optional<ApiError> problem;
    try {
        json = Json::parse(body, watch);
    } catch (const Json::parse_error& error) {
        problem = said_of(error);
    } catch (const Json::out_of_range&) {
        problem = no_json("the body has a number that is too large");
    }
    if (too_deep) {
        return tl::unexpected(
            no_json(fmt::format("the body is nested deeper than {}", depth_most)));
    }
    if (problem) {
        return tl::unexpected(*std::move(problem));
    }
    if (!json.is_object()) {
        return tl::unexpected(no_json("the body is no JSON object"));
    }
    return json;
}

JsonFields::JsonFields(const Json& object, std::string path, std::optional<ApiError>& problem)
    : object_(object), path_(std::move(path)), problem_(problem) {}

std::string JsonFields::path_of(std::string_view name) const {
    return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
}

void JsonFields::complain(std::string_view name, std::string_view what) {
    if (!problem_) {
        const std::string path = path_of(name);
        problem_ = wrong_field(path, fmt::format("{} {}", path, what));
    }
}

const JsonFields::Json* JsonFields::any(std::string_view name) {
    read_.emplace(name);
    if (problem_) {
        return nullptr;
    }
    const auto field = object_.find(std::string(name));
    return field == object_.end() || field->is_null() ? nullptr : &*field;
}

const JsonFields::Json* JsonFields::typed(std::string_view name, bool (Json::*is)() const noexcept,
                                          std::string_view what) {
    const Json* field = any(name);
    if (field != nullptr && !(field->*is)()) {
        complain(name, fmt::format("must be {}", what));
        return nullptr;
    }
    return field;
}

bool JsonFields::flag(std::string_view name, bool otherwise) {
    const Json* field = typed(name, &Json::is_boolean, "true or false");
    return field == nullptr ? otherwise : field->get<bool>();
}

double JsonFields::number(std::string_view name, double otherwise, double least, double most) {
    const Json* field = typed(name, &Json::is_number, "a number");
    if (field == nullptr) {
        return otherwise;
    }
    const double value = field->get<double>();
    if (!(value >= least && value <= most)) {
        complain(name, fmt::format("must be between {:g} and {:g}", least, most));
        return otherwise;
    }
    return value;
}

std::int64_t JsonFields::integer(std::string_view name, std::int64_t otherwise, std::int64_t least,
                                 std::int64_t most) {
    const Json* field = typed(name, &Json::is_number, "a whole number");
    if (field == nullptr) {
        return otherwise;
    }
    const auto whole = in_64_bits(*field);
    if (!whole || *whole < least || *whole > most) {
        complain(name, fmt::format("must be between {} and {}", least, most));
        return otherwise;
    }
    if (field->is_number_float() && static_cast<double>(*whole) != field->get<double>()) {
        complain(name, "must be a whole number");  // 3.0 is one
        return otherwise;
    }
    return *whole;
}

std::optional<std::string> JsonFields::text(std::string_view name) {
    const Json* field = typed(name, &Json::is_string, "a string");
    return field == nullptr ? std::nullopt : std::optional(field->get<std::string>());
}

std::string JsonFields::needed_text(std::string_view name) {
    auto value = text(name);
    if (!value) {
        complain(name, "is missing");
    }
    return value.value_or("");
}

const JsonFields::Json* JsonFields::list(std::string_view name) {
    return typed(name, &Json::is_array, "a list");
}

const JsonFields::Json* JsonFields::object(std::string_view name) {
    return typed(name, &Json::is_object, "an object");
}

void JsonFields::harmless(std::string_view name, const Json& value) {
    const auto field = object_.find(std::string(name));
    if (field != object_.end() && *field == value) {
        read_.emplace(name);
    }
}

void JsonFields::nothing_else() {
    for (const auto& [name, value] : object_.items()) {
        if (!read_.contains(name) && !value.is_null() && !problem_) {
            problem_ = wrong_field(path_of(name), fmt::format("{} is not supported", path_of(name)),
                                   "unsupported_field");
        }
    }
}

}  // namespace hexcore
