#include "hexcore/serve/json_fields.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <limits>

namespace hexcore::test {
namespace {

using Json = nlohmann::ordered_json;

/// What is wrong with a field, by whoever reads it.
template <typename Read>
std::string problem_of(const char* body, Read read) {
    const Json json = *read_body(body);
    std::optional<ApiError> problem;
    JsonFields fields(json, "a[1]", problem);
    read(fields);
    return problem ? problem->param + ": " + problem->message : "fine";
}

std::string nested(std::size_t depth) {
    return fmt::format("{{\"a\": {}{}}}", std::string(depth, '['), std::string(depth, ']'));
}

TEST(ReadBody, TakesObjectsInUtf8) {
    EXPECT_TRUE(read_body(R"({"a": "\u00fc\ud83d\ude00"})").has_value());
    for (const char* body : {"", " ", "{", "[1]", "\"a\"", "null", "{\"a\": 1e999}", "{\"a\": }",
                             "{\"a\": \"\xff\"}", "{\"a\": \"\\ud800\"}", "{} {}"}) {
        const auto read = read_body(body);
        ASSERT_FALSE(read.has_value()) << body;
        EXPECT_EQ(read.error().status, 400);
        EXPECT_EQ(read.error().code, "invalid_json");
    }
}

TEST(ReadBody, SaysWhereItIsWrongAndHow) {
    const auto why_not = [](std::string_view body) { return read_body(body).error().message; };
    EXPECT_EQ(why_not(""), "the body is empty");
    EXPECT_EQ(why_not("[1]"), "the body is no JSON object");
    EXPECT_EQ(why_not("{\"a\": \"b\xff\"}"), "the body is no UTF-8 at byte 9");
    EXPECT_EQ(why_not("{\"a\": \"\xe2\x82\"}"), "the body is no UTF-8 at byte 10");
    EXPECT_EQ(why_not({"{\"a\": \"\0\"}", 10}), "the body is no JSON at byte 8");
    EXPECT_EQ(why_not("{\"a\": NaN}"), "the body is no JSON at byte 7");
    EXPECT_EQ(why_not("{\"a\": 1e999}"), "the body has a number that is too large");
}

TEST(ReadBody, RefusesWhatIsNestedWithoutMeasure) {
    for (const std::size_t depth : {65UL, 100'000UL, 1'000'000UL}) {
        const std::string deep = nested(depth);
        const auto read = read_body(deep);
        ASSERT_FALSE(read.has_value()) << depth;
        EXPECT_THAT(read.error().message, ::testing::HasSubstr("nested"));
    }
    EXPECT_TRUE(read_body(nested(60)));
}

TEST(JsonFields, NullIsAsGoodAsLeftOut) {
    EXPECT_EQ(problem_of(R"({"x": null, "y": null})",
                         [](JsonFields& fields) {
                             EXPECT_EQ(fields.integer("x", 3, 0, 9), 3);
                             EXPECT_FALSE(fields.text("z").has_value());
                             fields.nothing_else();
                         }),
              "fine");
}

TEST(JsonFields, SayWhichFieldIsWrongAndHow) {
    EXPECT_EQ(problem_of(R"({"x": "1"})", [](auto& f) { (void)f.number("x", 1, 0, 2); }),
              "a[1].x: a[1].x must be a number");
    EXPECT_EQ(problem_of(R"({"x": 3})", [](auto& f) { (void)f.number("x", 1, 0, 2); }),
              "a[1].x: a[1].x must be between 0 and 2");
    EXPECT_EQ(problem_of(R"({"x": 1.5})", [](auto& f) { (void)f.integer("x", 1, 0, 2); }),
              "a[1].x: a[1].x must be a whole number");
    EXPECT_EQ(problem_of(R"({"x": 1e300})", [](auto& f) { (void)f.integer("x", 1, 0, 2); }),
              "a[1].x: a[1].x must be between 0 and 2");
    EXPECT_EQ(problem_of(R"({"x": 1})", [](auto& f) { (void)f.flag("x", false); }),
              "a[1].x: a[1].x must be true or false");
    EXPECT_EQ(problem_of(R"({"x": []})", [](auto& f) { (void)f.text("x"); }),
              "a[1].x: a[1].x must be a string");
    EXPECT_EQ(problem_of(R"({})", [](auto& f) { (void)f.needed_text("x"); }),
              "a[1].x: a[1].x is missing");
    EXPECT_EQ(problem_of(R"({"x": {}})", [](auto& f) { (void)f.list("x"); }),
              "a[1].x: a[1].x must be a list");
    EXPECT_EQ(problem_of(R"({"x": 1})", [](auto& f) { f.nothing_else(); }),
              "a[1].x: a[1].x is not supported");
}

TEST(JsonFields, WholeNumbersOf64BitsDoNotWrapAround) {
    constexpr auto limits = std::numeric_limits<std::int64_t>();
    const auto read = [&limits](const std::string& number) {
        std::int64_t value = 0;
        const std::string problem =
            problem_of(fmt::format("{{\"x\": {}}}", number).c_str(), [&](JsonFields& fields) {
                value = fields.integer("x", 1, limits.min(), limits.max());
            });
        return problem == "fine" ? fmt::format("{}", value) : "refused";
    };
    for (const char* number : {"9223372036854775807", "-9223372036854775808", "0", "-1"}) {
        EXPECT_EQ(read(number), number);
    }
    EXPECT_EQ(read("-9007199254740993"), "-9007199254740993") << "a double has none such";
    EXPECT_EQ(read("4.0"), "4");
    for (const char* number :
         {"9223372036854775808", "18446744073709551615", "18446744073709551616", "1e19", "0.5"}) {
        EXPECT_EQ(read(number), "refused") << number;
    }
}

TEST(JsonFields, WhatAsksForNothingIsTakenAndNoOtherValueOfIt) {
    const auto take = [](JsonFields& fields) {
        fields.harmless("x", false);
        fields.harmless("y", "");
        fields.nothing_else();
    };
    EXPECT_EQ(problem_of(R"({"x": false, "y": ""})", take), "fine");
    EXPECT_EQ(problem_of(R"({"x": null})", take), "fine");
    EXPECT_EQ(problem_of(R"({"x": true})", take), "a[1].x: a[1].x is not supported");
    EXPECT_EQ(problem_of(R"({"y": 0})", take), "a[1].y: a[1].y is not supported");
}

TEST(JsonFields, KeepTheFirstProblem) {
    EXPECT_EQ(problem_of(R"({"x": 1, "y": 2})",
                         [](JsonFields& fields) {
                             (void)fields.text("x");
                             (void)fields.text("y");
                             fields.nothing_else();
                         }),
              "a[1].x: a[1].x must be a string");
}

TEST(ApiError, IsWhatOpenAisClientsExpect) {
    EXPECT_EQ(error_json(wrong_field("n", "n is wrong")).dump(),
              R"({"error":{"message":"n is wrong","type":"invalid_request_error","param":"n",)"
              R"("code":null}})");
}

TEST(ApiError, SaysWhoIsToBlameForWhatTheEngineFailedWith) {
    EXPECT_EQ(of_engine({ErrorCode::usage, "x"}).status, 400);
    EXPECT_EQ(of_engine({ErrorCode::does_not_fit, "x"}).status, 503);
    EXPECT_EQ(of_engine({ErrorCode::negative, "x"}).status, 500);
    EXPECT_EQ(of_engine({ErrorCode::usage, "x", {{.change = Change::raise_context}}}).code,
              "context_length_exceeded");
}

}  // namespace
}  // namespace hexcore::test
