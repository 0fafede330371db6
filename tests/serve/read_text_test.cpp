#include <fmt/format.h>
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

TEST(ReadText, TakesWhatAsksForNothing) {
    const auto asked = read_text(R"({"prompt": "a", "echo": false, "n": 3, "best_of": 3,
        "suffix": "", "service_tier": "auto", "cache_prompt": true, "max_tokens": -1,
        "user": "u", "logit_bias": {}, "stop": [], "stream": true,
        "stream_options": {"include_usage": true, "include_obfuscation": false}})");
    ASSERT_TRUE(asked.has_value()) << asked.error().message;
    EXPECT_EQ(asked->answer.how.max_tokens, 0U) << "no limit";
    EXPECT_TRUE(asked->answer.include_usage);
    for (const char* name : {"best_of",
                             "echo",
                             "frequency_penalty",
                             "logit_bias",
                             "logprobs",
                             "max_tokens",
                             "n",
                             "presence_penalty",
                             "seed",
                             "stop",
                             "stream",
                             "stream_options",
                             "suffix",
                             "temperature",
                             "top_p",
                             "user",
                             "min_p",
                             "top_k",
                             "repeat_penalty",
                             "session_id",
                             "model"}) {
        EXPECT_EQ(problem(fmt::format(R"({{"prompt": "a", "{}": null}})", name).c_str()), "fine");
    }
    EXPECT_EQ(problem(R"({"prompt": "a", "best_of": 2})"), "best_of is not supported");
    EXPECT_EQ(problem(R"({"prompt": "a", "suffix": "b"})"), "suffix is not supported");
}

TEST(ReadText, TakesSeedsOf64Bits) {
    const auto seed = [](const char* number) {
        const auto asked = read_text(fmt::format(R"({{"prompt": "a", "seed": {}}})", number));
        return asked ? asked->answer.how.sampling.seed : 0;
    };
    constexpr std::uint32_t another_each_time = SamplingOptions{}.seed;
    EXPECT_EQ(seed("-1"), another_each_time);
    EXPECT_EQ(seed("7"), 7U) << "as for run";
    for (const char* number :
         {"4294967295", "-2", "-9223372036854775808", "9223372036854775807", "4294967294"}) {
        EXPECT_NE(seed(number), another_each_time) << number;
    }
    EXPECT_NE(seed("4294967303"), seed("7"));
    EXPECT_EQ(problem(R"({"prompt": "a", "seed": 9223372036854775808})"),
              "seed must be between -9223372036854775808 and 9223372036854775807");
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
