// common's converter leaves out what it does not know, and an answer could break the schema. The
// keywords are those of JSON Schema's vocabularies (drafts 7 to 2020-12).
#include "hexcore/chat/schema_keywords.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

namespace hexcore {
namespace {

using Schema = nlohmann::json;

constexpr std::array left_out = {"multipleOf",
                                 "not",
                                 "if",
                                 "dependentRequired",
                                 "dependentSchemas",
                                 "contains",
                                 "dependencies",
                                 "patternProperties",
                                 "propertyNames",
                                 "minProperties",
                                 "maxProperties",
                                 "unevaluatedItems",
                                 "unevaluatedProperties",
                                 "additionalItems"};
constexpr std::array bounds = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"};

/// Of a number the converter takes no bounds, of an integer it does.
bool is_integer(const Schema& schema) {
    const auto type = schema.find("type");
    return type != schema.end() &&
           (*type == "integer" || (type->is_array() && std::ranges::count(*type, "integer") > 0 &&
                                   std::ranges::count(*type, "number") == 0));
}

/// Whether a grammar can be made of a pattern: it stands for the whole text, and looks nowhere
/// else.
bool can_be_grammar(std::string_view pattern) {
    if (!pattern.starts_with('^') || !pattern.ends_with('$')) {
        return false;
    }
    for (std::size_t at = pattern.find("(?"); at != std::string_view::npos;
         at = pattern.find("(?", at + 1)) {
        if (!pattern.substr(at).starts_with("(?:")) {
            return false;
        }
    }
    return true;
}

}  // namespace

Result<void> check_schema_keywords(const Schema& schema, const std::string& what) {
    const auto there = [&schema](const char* keyword) { return schema.contains(keyword); };
    if (const auto* found = std::ranges::find_if(left_out, there); found != left_out.end()) {
        return fail(ErrorCode::usage, "{} has {}, which is not supported", what, *found);
    }
    if (const auto unique = schema.find("uniqueItems"); unique != schema.end() && *unique == true) {
        return fail(ErrorCode::usage, "{} has uniqueItems, which is not supported", what);
    }
    const auto* bound = std::ranges::find_if(bounds, there);
    if (bound != bounds.end() && !is_integer(schema)) {
        return fail(ErrorCode::usage, "{} has {} of another type than integer", what, *bound);
    }
    const auto pattern = schema.find("pattern");
    if (pattern != schema.end() && pattern->is_string() &&
        !can_be_grammar(pattern->get_ref<const std::string&>())) {
        return fail(ErrorCode::usage,
                    "{} has a pattern that is not supported: it has to begin with ^, end with $, "
                    "and look neither ahead nor behind",
                    what);
    }
    return {};
}

}  // namespace hexcore
