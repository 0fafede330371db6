#include "hexcore/report/json_text.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace hexcore::test {
namespace {

using Json = nlohmann::ordered_json;

TEST(JsonText, KeepsListsOfPlainValuesOnOneLine) {
    const Json document = {{"b", {1, 2, nullptr}}, {"a", {{1, 2}, Json::array()}}, {"c", {"x"}}};
    EXPECT_EQ(json_text(document),
              "{\n  \"b\": [1, 2, null],\n  \"a\": [\n    [1, 2],\n    []\n  ],\n"
              "  \"c\": [\n    \"x\"\n  ]\n}\n");
}

TEST(JsonText, ParsesToWhatItWas) {
    const Json document = {{"text", "quote \" slash \\ line\n"},
                           {"number", 0.1},
                           {"none", {}},
                           {"empty", Json::object()},
                           {"key \"", true}};
    EXPECT_EQ(Json::parse(json_text(document)), document);
}

TEST(JsonText, ReplacesWhatIsNotUtf8) { EXPECT_EQ(json_text(Json("\xff")), "\"\xef\xbf\xbd\"\n"); }

}  // namespace
}  // namespace hexcore::test
