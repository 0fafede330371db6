#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "hexcore/serve/asked.hpp"

namespace hexcore::test {
namespace {

using ::testing::HasSubstr;

AskedChat asked_of_experts(const std::string& fields) {
    auto asked = read_chat(R"({"messages": [{"role": "user", "content": "Why?"}])" + fields + "}");
    EXPECT_TRUE(asked.has_value()) << fields << ": " << asked.error().message;
    return asked ? *std::move(asked) : AskedChat{};
}

std::string wrong_of_experts(const std::string& fields) {
    const auto asked =
        read_chat(R"({"messages": [{"role": "user", "content": "Why?"}])" + fields + "}");
    EXPECT_FALSE(asked.has_value()) << fields;
    return asked ? "fine" : asked.error().param + ": " + asked.error().message;
}

TEST(ReadExperts, TakesHowManyAnswerHowTheyAreCombinedAndWhetherThatIsStrict) {
    const AskedExperts none = asked_of_experts("").experts;
    EXPECT_EQ(none.count, 0U);
    EXPECT_FALSE(none.combine.has_value());
    EXPECT_FALSE(none.strict);
    EXPECT_EQ(none.first_field, "");
    const AskedExperts all =
        asked_of_experts(R"(, "experts": 2, "combine": "blend", "strict": true)").experts;
    EXPECT_EQ(all.count, 2U);
    EXPECT_EQ(all.combine, Combination::blend);
    EXPECT_TRUE(all.strict);
    EXPECT_EQ(all.first_field, "experts");
    EXPECT_EQ(asked_of_experts(R"(, "experts": null, "strict": null)").experts.first_field, "");
}

TEST(ReadExperts, SaysWhatIsWrongWithAField) {
    EXPECT_EQ(wrong_of_experts(R"(, "experts": 0)"), "experts: experts must be between 1 and 32");
    EXPECT_EQ(wrong_of_experts(R"(, "experts": "two")"), "experts: experts must be a whole number");
    EXPECT_EQ(wrong_of_experts(R"(, "combine": "vote")"),
              "combine: combine must be choose, merge, blend or attend");
    EXPECT_EQ(wrong_of_experts(R"(, "strict": 1)"), "strict: strict must be true or false");
}

TEST(ReadExperts, WhatARequestSaysOfSamplingIsKnownFromWhatItLeavesOut) {
    const ExpertSampling some =
        asked_of_experts(R"(, "temperature": 0.8, "top_k": 3)").experts.sampling;
    EXPECT_EQ(some.temperature, 0.8F);
    EXPECT_EQ(some.top_k, 3);
    EXPECT_FALSE(some.top_p || some.min_p || some.repeat_penalty);
}

TEST(ReadExperts, TheModelItselfHasNoExperts) {
    EXPECT_TRUE(check_for_model(asked_of_experts("")));
    const auto refused = check_for_model(asked_of_experts(R"(, "combine": "blend")"));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().status, 400);
    EXPECT_EQ(refused.error().param, "combine");
    EXPECT_EQ(refused.error().code, "unsupported_field");
}

TEST(ReadExperts, AChatIsAQuestionWithWhatWasSaidBeforeAndWhatTheClientWants) {
    const auto asked = read_chat(R"({"messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is trample?"},
        {"role": "assistant", "content": "An ability."},
        {"role": "developer", "content": "Name rules."},
        {"role": "user", "content": "And menace?"}]})");
    const auto dialogue = read_dialogue(asked.value());
    ASSERT_TRUE(dialogue.has_value()) << dialogue.error().message;
    EXPECT_EQ(dialogue->instructions, "Be brief.\n\nName rules.");
    EXPECT_EQ(dialogue->question, "And menace?");
    ASSERT_EQ(dialogue->history.size(), 2U);
    EXPECT_EQ(dialogue->history[0].content, "What is trample?");
    EXPECT_EQ(dialogue->history[1].role, "assistant");
    EXPECT_EQ(read_dialogue(asked_of_experts("")).value().question, "Why?");
}

TEST(ReadExperts, WhatAnAssistantDoesNotDoIsRefusedByName) {
    const std::pair<const char*, const char*> wrong[]{
        {R"(, "n": 2)", "n"},
        {R"(, "tools": [{"type": "function", "function": {"name": "f"}}])", "tools"},
        {R"(, "response_format": {"type": "json_object"})", "response_format"},
        {R"(, "logprobs": true)", "logprobs"},
        {R"(, "logit_bias": {"1": 1})", "logit_bias"},
        {R"(, "session_id": "a")", "session_id"},
        {R"(, "chat_template_kwargs": {"a": 1})", "chat_template_kwargs"}};
    for (const auto& [fields, param] : wrong) {
        const auto refused = read_dialogue(asked_of_experts(fields));
        ASSERT_FALSE(refused.has_value()) << fields;
        EXPECT_EQ(refused.error().status, 400);
        EXPECT_EQ(refused.error().param, param);
        EXPECT_THAT(refused.error().message, HasSubstr("assistant"));
    }
    for (const char* messages : {R"([{"role": "user", "content": "a"},
                                     {"role": "assistant", "content": "b"}])",
                                 R"([{"role": "system", "content": "a"}])"}) {
        const auto asked = read_chat(std::string(R"({"messages": )") + messages + "}");
        const auto refused = read_dialogue(asked.value());
        ASSERT_FALSE(refused.has_value());
        EXPECT_THAT(refused.error().message, HasSubstr("end with the user's"));
    }
    const auto of_tool = read_chat(R"({"messages": [
        {"role": "user", "content": "a"}, {"role": "tool", "content": "b"},
        {"role": "user", "content": "c"}]})");
    EXPECT_EQ(read_dialogue(of_tool.value()).error().param, "messages[1]");
}

}  // namespace
}  // namespace hexcore::test
