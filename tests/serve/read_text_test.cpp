#include <gmock/gmock.h>

#include "hexcore/serve/asked.hpp"

namespace hexcore::test {
namespace {

using ::testing::ElementsAre;

std::string problem(const char* body) {
    const auto asked = read_text(body);
    return asked ? "fine" : asked.error().message;
}

TEST(ReadText, TakesTextsAndTokensAndListsOfThem) {
    auto asked = read_text(R"({"prompt": "a", "logprobs": 2, "max_tokens": 3})");
    ASSERT_TRUE(asked.has_value());
    ASSERT_EQ(asked->prompts.size(), 1U);
    EXPECT_EQ(std::get<std::string>(asked->prompts[0]), "a");
    EXPECT_EQ(asked->answer.how.chances, 2U);
    EXPECT_EQ(asked->answer.how.max_tokens, 3U);
    asked = read_text(R"({"prompt": [1, 2]})");
    ASSERT_TRUE(asked.has_value());
    EXPECT_THAT(std::get<std::vector<Token>>(asked->prompts.at(0)), ElementsAre(1, 2));
    asked = read_text(R"({"prompt": ["a", [3]]})");
    ASSERT_TRUE(asked.has_value());
    ASSERT_EQ(asked->prompts.size(), 2U);
    EXPECT_THAT(std::get<std::vector<Token>>(asked->prompts[1]), ElementsAre(3));
}

TEST(ReadText, SaysWhichFieldIsWrong) {
    EXPECT_EQ(problem("{}"), "prompt is missing");
    EXPECT_EQ(problem(R"({"prompt": []})"), "prompt must be 1 to 128 prompts");
    EXPECT_EQ(problem(R"({"prompt": [1, "a"]})"),
              "prompt must be a string, a list of tokens, or a list of such");
    EXPECT_EQ(problem(R"({"prompt": [-1]})"),
              "prompt must be a string, a list of tokens, or a list of such");
    EXPECT_EQ(problem(R"({"prompt": [[4294967296]]})"),
              "prompt must be a string, a list of tokens, or a list of such");
    EXPECT_EQ(problem(R"({"prompt": "a", "echo": true})"), "echo is not supported");
    EXPECT_EQ(problem(R"({"prompt": ["a", "b"], "session_id": "s"})"),
              "prompt must be one in a session with a name");
}

}  // namespace
}  // namespace hexcore::test
