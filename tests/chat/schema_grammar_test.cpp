#include <gmock/gmock.h>

#include "chat/templates.hpp"

namespace hexcore {
namespace {

using ::testing::HasSubstr;

std::string refusal(std::string_view schema) {
    const auto grammar = grammar_of_schema(schema);
    EXPECT_FALSE(grammar) << *grammar;
    EXPECT_EQ(grammar ? ErrorCode::negative : grammar.error().code, ErrorCode::usage);
    return grammar ? "" : grammar.error().message;
}

std::string repeated(std::string_view text, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) {
        all += text;
    }
    return all;
}

TEST(SchemaGrammar, DescribesTheJsonThatTheSchemaDoes) {
    const auto grammar = grammar_of_schema(R"({"type": "object", "properties": {
        "name": {"type": "string"}, "ages": {"type": "array", "items": {"type": "integer"}},
        "kind": {"enum": ["cat", "dog"]}}, "required": ["name"]})");
    ASSERT_TRUE(grammar) << grammar.error().message;
    EXPECT_THAT(*grammar, HasSubstr("root ::="));
    EXPECT_THAT(*grammar, HasSubstr(R"("\"name\"")"));
    EXPECT_THAT(*grammar, HasSubstr(R"("\"cat\"")"));
}

TEST(SchemaGrammar, FollowsReferencesWithinTheSchema) {
    const auto grammar = grammar_of_schema(R"({"$defs": {"tree": {"type": "object", "properties": {
        "left": {"$ref": "#/$defs/tree"}}}}, "$ref": "#/$defs/tree"})");
    ASSERT_TRUE(grammar) << grammar.error().message;
    EXPECT_THAT(*grammar, HasSubstr("left"));
}

TEST(SchemaGrammar, RefusesReferencesThatLeadNowhere) {
    EXPECT_THAT(refusal(R"({"$ref": "#/$defs/missing"})"), HasSubstr("cannot resolve $ref"));
}

TEST(SchemaGrammar, FetchesNothing) {
    EXPECT_THAT(refusal(R"({"$ref": "https://localhost:1/schema.json"})"),
                HasSubstr("only references into the same document"));
}

TEST(SchemaGrammar, RefusesWhatIsNoSchema) {
    EXPECT_THAT(refusal(""), HasSubstr("is no JSON"));
    EXPECT_THAT(refusal(R"({"type": "object",})"), HasSubstr("is no JSON"));
    EXPECT_THAT(refusal(R"({"type": "weather"})"), HasSubstr("weather"));
    EXPECT_THAT(refusal(R"({"type": "string", "pattern": "^(a$"})"), HasSubstr("grammar"));
}

TEST(SchemaGrammar, RefusesByNameWhatAGrammarWouldNotEnforce) {
    EXPECT_THAT(refusal(R"({"properties": {"a": {"type": "integer", "multipleOf": 7}}})"),
                HasSubstr("multipleOf, which is not supported"));
    EXPECT_THAT(refusal(R"({"not": {"type": "string"}})"), HasSubstr("has not, which"));
    EXPECT_THAT(refusal(R"({"type": "array", "items": {}, "uniqueItems": true})"),
                HasSubstr("uniqueItems"));
    EXPECT_THAT(refusal(R"({"type": "number", "minimum": 5})"), HasSubstr("has minimum of"));
    for (const char* pattern : {"abc", "^([a-", "^(?!b)a$", "^(?<=b)a$"}) {
        EXPECT_THAT(refusal(fmt::format(R"({{"type": "string", "pattern": "{}"}})", pattern)),
                    HasSubstr("begin with ^, end with $"));
    }
    for (const char* schema :
         {R"({"type": "integer", "minimum": 5, "maximum": 6})", R"({"x-mine": 1, "title": "T"})",
          R"({"type": "array", "items": {}, "uniqueItems": false})",
          R"({"type": "string", "pattern": "^(?:a|b)+$"})",
          R"({"type": "object", "properties": {"not": {"type": "string"}}})"}) {
        EXPECT_TRUE(grammar_of_schema(schema)) << schema;
    }
}

TEST(SchemaGrammar, RefusesDeepAndLongSchemas) {
    EXPECT_THAT(refusal(repeated(R"({"items":)", 100'000)), HasSubstr("bytes"));
    EXPECT_THAT(refusal(repeated(R"({"items":)", 10'000) + "{}" + repeated("}", 10'000)),
                HasSubstr("nested 10001 levels deep"));
}

/// `{"NAME0": VALUE, "NAME1": VALUE}`
std::string members(int count, std::string_view name, std::string_view value) {
    std::string all = "{";
    for (int i = 0; i < count; ++i) {
        all += fmt::format("{}\"{}{}\": {}", i == 0 ? "" : ", ", name, i, value);
    }
    return all + "}";
}

std::string list(int count, std::string_view value) {
    return "[" + repeated(std::string(value) + ", ", count - 1) + std::string(value) + "]";
}

TEST(SchemaGrammar, RefusesSchemasThatWouldTakeForEver) {
    EXPECT_THAT(refusal(R"({"properties": )" + members(300, "p", "{}") + "}"),
                HasSubstr("has 300 properties in one object; up to 250"));
    EXPECT_THAT(
        refusal(R"({"prefixItems": [)" +
                repeated(R"({"properties": )" + members(200, "p", "{}") + "}, ", 7) + "{}]}"),
        HasSubstr("pairs of properties"));
    EXPECT_THAT(refusal(R"({"enum": )" + list(1001, "1") + "}"),
                HasSubstr("more than 250 alternatives in one place"));
    EXPECT_THAT(refusal(R"({"anyOf": )" + list(1001, "{}") + "}"),
                HasSubstr("more than 250 alternatives in one place"));
    EXPECT_THAT(refusal(R"({"type": )" + list(17, R"("null")") + "}"), HasSubstr("17 types"));
    EXPECT_THAT(refusal(R"({"pattern": "^)" + std::string(1100, 'a') + R"($"})"),
                HasSubstr("bytes in one pattern"));
    EXPECT_THAT(
        refusal(R"({"prefixItems": )" + list(11, R"({"type": "string", "minLength": 2000})") + "}"),
        HasSubstr("more than 20000 repetitions"));
    for (const char* pattern : {"^a{2001}$", "^(a?){251}$", "^((a?){16}){16}$", "^(a|b){0,251}$",
                                "^((a{13}){13}){13}$", "^a{99999999999999999999}$"}) {
        EXPECT_THAT(refusal(fmt::format(R"({{"pattern": "{}"}})", pattern)),
                    HasSubstr("has a pattern with"))
            << pattern;
    }
    const std::string name(20'000, 'n');
    EXPECT_THAT(refusal(fmt::format(R"({{"properties": {{"{}": {{"properties": {}}}}}}})", name,
                                    members(60, "p", "{}"))),
                HasSubstr("bytes of names"));
}

TEST(SchemaGrammar, RefusesSchemasThatGrowWhereTheyAreUsed) {
    std::string twice = R"({"type": "null"})";
    for (int i = 0; i < 20; ++i) {
        twice = R"({"type": ["array", "array"], "items": )" + twice + "}";
    }
    EXPECT_THAT(refusal(twice), HasSubstr("has more than"));
    std::string definitions;
    for (int i = 0; i < 40; ++i) {
        definitions += fmt::format(
            R"("d{0}": {{"anyOf": [{{"$ref": "#/$defs/d{1}"}}, {{"$ref": "#/$defs/d{1}"}}]}}, )", i,
            i + 1);
    }
    EXPECT_THAT(refusal(R"({"$ref": "#/$defs/d0", "$defs": {)" + definitions +
                        R"("d40": {"type": "null"}}})"),
                HasSubstr("more than 250 alternatives in one place"));
}

TEST(SchemaGrammar, RefusesReferencesToThemselves) {
    EXPECT_THAT(refusal(R"({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"},
                         "b": {"$ref": "#/$defs/a"}}})"),
                HasSubstr("nothing but itself"));
    EXPECT_THAT(refusal(R"({"allOf": [{"$ref": "#/$defs/a"}],
                         "$defs": {"a": {"$ref": "#/$defs/a"}}})"),
                HasSubstr("nothing but itself"));
}

TEST(SchemaGrammar, TakesWhatPeopleWrite) {
    for (const std::string& schema :
         {R"({"type": "object", "properties": )" + members(100, "property_", R"({"type": "string",
              "description": "What it is"})") +
              "}",
          R"({"enum": )" + list(250, R"("one of many")") + "}",
          std::string(R"({"$defs": {"node": {"anyOf": [{"type": "null"}, {"type": "object",
              "properties": {"left": {"$ref": "#/$defs/node"}, "right": {"$ref": "#/$defs/node"}}},
              {"type": "array", "items": {"$ref": "#/$defs/node"}}]}}, "$ref": "#/$defs/node"})"),
          std::string(R"({"type": ["string", "null"], "maxLength": 4096})"),
          std::string(R"({"pattern": "^([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}$"})"),
          std::string(R"({"pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2})?$"})")}) {
        const auto grammar = grammar_of_schema(schema);
        EXPECT_TRUE(grammar) << grammar.error().message;
    }
}

TEST(SchemaGrammar, TakesLongChainsOfReferences) {
    std::string schema = R"({"$ref": "#/$defs/d0", "$defs": {)";
    for (int i = 0; i < 4'000; ++i) {
        schema += fmt::format(R"("d{}": {{"$ref": "#/$defs/d{}"}}, )", i, i + 1);
    }
    schema += R"("d4000": {"type": "null"}}})";
    const auto grammar = grammar_of_schema(schema);
    EXPECT_TRUE(grammar) << grammar.error().message;
}

}  // namespace
}  // namespace hexcore
