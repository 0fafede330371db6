#include "hexcore/assistant/toml_values.hpp"

#include <utility>

#include "hexcore/base/printable.hpp"

namespace hexcore {

Result<toml::table> TomlValues::parse(const std::string& text) const {
    try {
        return toml::parse(text);
    } catch (const toml::parse_error& error) {
        return wrong(error.source(), "this is no TOML:", error.description());
    }
}

tl::unexpected<Error> TomlValues::wrong(const toml::source_region& place, std::string_view key,
                                        std::string_view what) const {
    constexpr std::size_t longest = 200;
    return fail(ErrorCode::bad_input, "{}, line {}: {} {}", printable(name_), place.begin.line,
                shortened(key, longest), shortened(what, longest));
}

tl::unexpected<Error> TomlValues::wrong_file(const toml::source_region& place, std::string_view key,
                                             const Error& error) const {
    return fail(error.code, "{}, line {}: {}: {}", printable(name_), place.begin.line, key,
                printable(error.message));
}

Result<std::string> TomlValues::text(std::string_view key, const toml::node& value) const {
    auto text = value.value_exact<std::string>();
    if (!text || text->find_first_not_of(" \t\r\n") == std::string::npos) {
        return wrong(value.source(), key, "is text, in quotes, and not empty");
    }
    if (text->find('\0') != std::string::npos) {
        return wrong(value.source(), key, "has a NUL character, which no text has");
    }
    return *std::move(text);
}

Result<void> TomlValues::text_into(std::string& into, std::string_view key,
                                   const toml::node& value) const {
    HEXCORE_TRY(read, text(key, value));
    into = std::move(read);
    return {};
}

Result<void> TomlValues::texts_into(std::vector<std::string>& into, std::string_view key,
                                    const toml::node& value) const {
    const toml::array* array = value.as_array();
    if (array == nullptr) {
        return wrong(value.source(), key, "is a list of texts");
    }
    for (const toml::node& item : *array) {
        HEXCORE_TRY(read, text(key, item));
        into.push_back(std::move(read));
    }
    return {};
}

Result<double> TomlValues::number(std::string_view key, const toml::node& value, double least,
                                  double most) const {
    const auto whole = value.value_exact<std::int64_t>();
    const auto number =
        whole ? std::optional(static_cast<double>(*whole)) : value.value_exact<double>();
    // NaN is in no range.
    if (!number || !(*number >= least && *number <= most)) {
        return wrong(value.source(), key, fmt::format("is a number from {} to {}", least, most));
    }
    return *number;
}

Result<void> TomlValues::count_into(std::uint32_t& into, std::string_view key,
                                    const toml::node& value) const {
    constexpr std::int64_t most = 1'000'000;
    const auto count = value.value_exact<std::int64_t>();
    if (!count || *count < 0 || *count > most) {
        return wrong(value.source(), key, fmt::format("is a whole number from 0 to {}", most));
    }
    into = static_cast<std::uint32_t>(*count);
    return {};
}

}  // namespace hexcore
