// A schema of some KiB can keep common's converter busy for ever: lists of types double what lies
// below them, references let it look at the same alternatives again and again, and of n optional
// properties it makes a rule for each pair of them. So the schema is gone through first as the
// converter will, counting: json-schema.cpp and json-schema-to-grammar.cpp of llama.cpp's common.
#include "hexcore/chat/schema_work.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>

#include "hexcore/chat/schema_keywords.hpp"

namespace hexcore {
namespace {

using Schema = nlohmann::json;

constexpr std::array lists_of_alternatives = {"anyOf", "oneOf", "allOf"};

class SchemaWork {
public:
    SchemaWork(const Schema& root, const std::string& what, SchemaCounts& counts)
        : root_(root), what_(what), counts_(counts) {}

    Result<void> check() { return make(root_, 0); }

private:
    /// One that the converter makes rules of, and all in it.
    Result<void> make(const Schema& schema, std::size_t name_bytes) {
        if (!schema.is_object()) {
            return {};  // the converter says so
        }
        HEXCORE_TRY_VOID(count(counts_.schemas, 1, SchemaLimits::schemas,
                               "schemas in each other, as often as they are used"));
        HEXCORE_TRY_VOID(count(counts_.name_bytes, name_bytes, SchemaLimits::name_bytes,
                               "bytes of names, each with those above it"));
        if (schema.contains("$ref")) {
            return follow(schema);
        }
        HEXCORE_TRY_VOID(check_schema_keywords(schema, what_));
        HEXCORE_TRY_VOID(look_anew(schema));
        const auto type = schema.find("type");
        const std::size_t types = type != schema.end() && type->is_array() ? type->size() : 1;
        if (types > SchemaLimits::types) {
            return too_many(types, SchemaLimits::types, "types in one list");
        }
        for (std::size_t i = 0; i < types; ++i) {  // each with all the rest of the schema
            HEXCORE_TRY_VOID(make_parts(schema, name_bytes));
        }
        return {};
    }

    Result<void> make_parts(const Schema& schema, std::size_t name_bytes) {
        for (const char* key : lists_of_alternatives) {
            HEXCORE_TRY_VOID(make_list(schema, key, name_bytes));
        }
        HEXCORE_TRY_VOID(make_list(schema, "items", name_bytes));
        HEXCORE_TRY_VOID(make_list(schema, "prefixItems", name_bytes));
        for (const char* key : {"items", "additionalProperties"}) {
            if (schema.contains(key)) {
                HEXCORE_TRY_VOID(make(schema[key], name_bytes + 11));
            }
        }
        HEXCORE_TRY_VOID(make_properties(schema, name_bytes));
        return count_repetitions(schema);
    }

    Result<void> make_list(const Schema& schema, const char* key, std::size_t name_bytes) {
        const auto list = schema.find(key);
        if (list == schema.end() || !list->is_array()) {
            return {};
        }
        for (const Schema& one : *list) {
            HEXCORE_TRY_VOID(make(one, name_bytes + 4));
        }
        return {};
    }

    Result<void> make_properties(const Schema& schema, std::size_t name_bytes) {
        const auto properties = schema.find("properties");
        if (properties == schema.end() || !properties->is_object()) {
            return {};
        }
        if (properties->size() > SchemaLimits::properties) {
            return too_many(properties->size(), SchemaLimits::properties,
                            "properties in one object");
        }
        HEXCORE_TRY_VOID(count(counts_.pairs, properties->size() * properties->size(),
                               SchemaLimits::pairs, "pairs of properties in its objects"));
        for (const auto& [name, value] : properties->items()) {
            HEXCORE_TRY_VOID(make(value, name_bytes + name.size() + 1));
        }
        return {};
    }

    Result<void> count_repetitions(const Schema& schema) {
        for (const char* key : {"minLength", "maxLength", "minItems", "maxItems"}) {
            const auto number = schema.find(key);
            if (number != schema.end() && number->is_number_unsigned()) {
                HEXCORE_TRY_VOID(count_out(number->get<std::uint64_t>()));
            }
        }
        const auto pattern = schema.find("pattern");
        return pattern != schema.end() && pattern->is_string()
                   ? count_pattern(pattern->get_ref<const std::string&>())
                   : Result<void>();
    }

    /// "a{3,20}" for instance. Groups are taken to lie within each other, and what may be left out
    /// ("?") as often as it is repeated makes so many places where an answer may be at once.
    Result<void> count_pattern(std::string_view pattern) {
        if (pattern.size() > SchemaLimits::longest_pattern) {
            return too_many(pattern.size(), SchemaLimits::longest_pattern, "bytes in one pattern");
        }
        const bool may_leave_out = pattern.find_first_of("?*|") != std::string_view::npos ||
                                   pattern.find("{0") != std::string_view::npos;
        constexpr std::size_t far_too_many = SchemaLimits::repetitions + 1;
        std::size_t of_groups = 1;
        std::size_t of_others = 0;
        for (std::size_t at = pattern.find('{'); at < pattern.size();
             at = pattern.find('{', at + 1)) {
            const std::size_t times = std::min(most_times(pattern.substr(at + 1)), far_too_many);
            if (at > 0 && pattern[at - 1] == ')') {
                of_groups = std::min(of_groups * std::max<std::size_t>(times, 1), far_too_many);
            } else {
                of_others += times;
            }
        }
        if (may_leave_out && of_groups > SchemaLimits::optional_repetitions) {
            return fail(ErrorCode::usage,
                        "{} has a pattern with {} repetitions of groups; up to {} are taken where "
                        "parts may be left out",
                        what_, of_groups, std::size_t{SchemaLimits::optional_repetitions});
        }
        const std::size_t all =
            std::min(of_groups * std::max<std::size_t>(of_others, 1), far_too_many);
        if (all > SchemaLimits::pattern_repetitions) {
            return fail(ErrorCode::usage,
                        "{} has a pattern with {} repetitions or more; up to {} are taken", what_,
                        all, std::size_t{SchemaLimits::pattern_repetitions});
        }
        return count(counts_.repetitions, all, SchemaLimits::repetitions,
                     "repetitions that are counted out");
    }

    /// Of "3,20}" the 20.
    static std::size_t most_times(std::string_view behind_brace) {
        std::size_t most = 0;
        std::size_t number = 0;
        for (const char byte : behind_brace) {
            if ('0' <= byte && byte <= '9') {
                number = std::min<std::size_t>(number * 10 + static_cast<std::size_t>(byte - '0'),
                                               SchemaLimits::repetitions + 1);
            } else if (byte == ',') {
                most = std::exchange(number, 0);
            } else {
                break;
            }
        }
        return std::max(most, number);
    }

    /// The parser of grammars takes a larger maximum for none.
    Result<void> count_out(std::uint64_t times) {
        return count(counts_.repetitions,
                     static_cast<std::size_t>(std::min<std::uint64_t>(times, 2'000)),
                     SchemaLimits::repetitions, "repetitions that are counted out");
    }

    Result<void> follow(const Schema& schema) {
        HEXCORE_TRY(target, target_of(schema));
        HEXCORE_TRY_VOID(look_anew(schema));
        if (target == nullptr || !made_.insert(target).second) {
            return {};  // it leads nowhere, which the converter says, or there is a rule already
        }
        return make(*target, schema["$ref"].get_ref<const std::string&>().size());
    }

    /// What may come next in an answer: each token is held against all of it, and the converter
    /// follows references again each time that it wants to know whether one may be a text, but for
    /// those that it is following.
    Result<void> look_anew(const Schema& schema) {
        at_once_ = 0;
        looking_at_.clear();
        return look(schema);
    }

    Result<void> look(const Schema& schema) {
        const auto values = schema.find("enum");
        const std::size_t here = values != schema.end() && values->is_array() ? values->size() : 1;
        HEXCORE_TRY_VOID(
            count(at_once_, here, SchemaLimits::alternatives, "alternatives in one place"));
        if (schema.contains("$ref")) {
            HEXCORE_TRY(target, target_of(schema));
            if (target == nullptr || !looking_at_.insert(target).second) {
                return {};
            }
            HEXCORE_TRY_VOID(look(*target));
            looking_at_.erase(target);
            return {};
        }
        for (const char* key : lists_of_alternatives) {
            if (const auto list = schema.find(key); list != schema.end() && list->is_array()) {
                for (const Schema& one : *list) {
                    HEXCORE_TRY_VOID(one.is_object() ? look(one) : Result<void>());
                }
            }
        }
        return {};
    }

    /// Where a reference leads, over others; null: nowhere.
    Result<const Schema*> target_of(const Schema& schema) {
        const Schema* at = &schema;
        std::set<const Schema*> seen;
        while (at != nullptr && at->is_object() && at->contains("$ref")) {
            if (!seen.insert(at).second) {
                return fail(ErrorCode::usage, "{} has a reference that leads to nothing but itself",
                            what_);
            }
            at = resolved((*at)["$ref"]);
        }
        return at != nullptr && at->is_object() ? at : nullptr;
    }

    /// As json-schema.cpp does it, without escapes.
    [[nodiscard]] const Schema* resolved(const Schema& reference) const {
        if (!reference.is_string()) {
            return nullptr;
        }
        std::string_view rest = reference.get_ref<const std::string&>();
        if (!rest.starts_with("#/")) {
            return nullptr;
        }
        rest.remove_prefix(2);
        const Schema* at = &root_;
        for (bool more = true; more;) {
            const std::size_t end = std::min(rest.find('/'), rest.size());
            const std::string part(rest.substr(0, end));
            more = end < rest.size();
            rest.remove_prefix(std::min(end + 1, rest.size()));
            if (at->is_object() && at->contains(part)) {
                at = &(*at)[part];
            } else if (at->is_array() && !part.empty() && part.size() < 8 &&
                       std::ranges::all_of(part, [](char c) { return '0' <= c && c <= '9'; }) &&
                       std::stoul(part) < at->size()) {
                at = &(*at)[std::stoul(part)];
            } else {
                return nullptr;
            }
        }
        return at;
    }

    Result<void> count(std::size_t& so_far, std::size_t more, std::size_t most,
                       std::string_view of_what) {
        so_far += more;
        if (so_far > most) {
            return fail(ErrorCode::usage, "{} has more than {} {}", what_, most, of_what);
        }
        return {};
    }
    [[nodiscard]] tl::unexpected<Error> too_many(std::size_t there, std::size_t most,
                                                 std::string_view of_what) const {
        return fail(ErrorCode::usage, "{} has {} {}; up to {} are taken", what_, there, of_what,
                    most);
    }

    const Schema& root_;
    const std::string& what_;
    SchemaCounts& counts_;
    std::set<const Schema*> made_;        // targets of references
    std::size_t at_once_ = 0;             // alternatives
    std::set<const Schema*> looking_at_;  // targets that are being followed
};

}  // namespace

Result<void> check_schema_work(const nlohmann::json& schema, const std::string& what,
                               SchemaCounts& counts) {
    return SchemaWork(schema, what, counts).check();
}

}  // namespace hexcore
