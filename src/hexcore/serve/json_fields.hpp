#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/serve/api_error.hpp"

namespace hexcore {

/// A request's body. 400, and where that is, for what is no JSON in UTF-8, no object, or nested
/// deeper than 64.
[[nodiscard]] Asked<nlohmann::ordered_json> read_body(std::string_view body);

/// The fields of a JSON object, as a request is read: each with its type and its limits, and in the
/// end none that nobody asked for. `null` is as good as left out. The first thing that is wrong is
/// kept, with the field's path, and everything else then reads as left out.
class JsonFields {
public:
    using Json = nlohmann::ordered_json;

    /// `path` of the object within the request: empty, "messages[0]". The others must outlive it.
    JsonFields(const Json& object, std::string path, std::optional<ApiError>& problem);

    /// Null: left out. The types of a JSON value are the caller's to look at.
    [[nodiscard]] const Json* any(std::string_view name);
    [[nodiscard]] bool flag(std::string_view name, bool otherwise);
    [[nodiscard]] double number(std::string_view name, double otherwise, double least, double most);
    [[nodiscard]] std::int64_t integer(std::string_view name, std::int64_t otherwise,
                                       std::int64_t least, std::int64_t most);
    [[nodiscard]] std::optional<std::string> text(std::string_view name);
    /// The same where it must be there.
    [[nodiscard]] std::string needed_text(std::string_view name);
    [[nodiscard]] const Json* list(std::string_view name);
    [[nodiscard]] const Json* object(std::string_view name);

    /// A field of which nothing but this value is supported, which asks for nothing.
    void harmless(std::string_view name, const Json& value);
    /// What is there, and nobody asked for: not supported.
    void nothing_else();
    /// The field `name` is wrong: "temperature must be a number".
    void complain(std::string_view name, std::string_view what);
    [[nodiscard]] bool fine() const { return !problem_; }
    [[nodiscard]] std::string path_of(std::string_view name) const;
    [[nodiscard]] std::optional<ApiError>& problem() const { return problem_; }

private:
    const Json* typed(std::string_view name, bool (Json::*is)() const noexcept,
                      std::string_view what);

    const Json& object_;
    std::string path_;
    std::optional<ApiError>& problem_;
    std::set<std::string, std::less<>> read_;
};

}  // namespace hexcore
