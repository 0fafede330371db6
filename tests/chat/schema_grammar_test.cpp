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

TEST(SchemaGrammar, RefusesDeepAndLongSchemas) {
    EXPECT_THAT(refusal(repeated(R"({"items":)", 100'000)), HasSubstr("bytes"));
    EXPECT_THAT(refusal(repeated(R"({"items":)", 10'000) + "{}" + repeated("}", 10'000)),
                HasSubstr("nested 10001 levels deep"));
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
