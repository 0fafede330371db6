#include "hexcore/chat/answer_reader.hpp"

#include <gmock/gmock.h>

#include "chat/templates.hpp"

namespace hexcore {
namespace {

using test::question;
using test::question_with_tool;
using test::real_template;
using ::testing::HasSubstr;

/// What a client of the deltas has when all have come.
struct Client {
    ChatMessage message;
    std::size_t deltas = 0;

    void take(const std::vector<ChatDelta>& list) {
        for (const ChatDelta& delta : list) {
            ++deltas;
            message.reasoning += delta.reasoning;
            message.content += delta.content;
            if (!delta.call_index) {
                continue;
            }
            if (*delta.call_index == message.tool_calls.size()) {
                EXPECT_NE(delta.call.id, "");
                EXPECT_NE(delta.call.name, "");
                message.tool_calls.push_back(delta.call);
            } else {
                EXPECT_EQ(delta.call.id + delta.call.name, "") << "they are told once";
                message.tool_calls.at(*delta.call_index).arguments += delta.call.arguments;
            }
        }
    }
};

Client read_by_bytes(const char* name, const ChatRequest& request, std::string_view answer) {
    AnswerReader reader(real_template(name).apply(request).value());
    Client client;
    for (const char byte : answer) {
        client.take(reader.add({&byte, 1}));
    }
    const auto rest = reader.finish();
    EXPECT_TRUE(rest) << rest.error().message;
    client.take(rest.value_or(std::vector<ChatDelta>()));
    EXPECT_EQ(client.message.content, reader.message().content);
    EXPECT_EQ(client.message.reasoning, reader.message().reasoning);
    EXPECT_EQ(client.message.tool_calls.size(), reader.message().tool_calls.size());
    EXPECT_EQ(reader.text(), answer);
    return client;
}

TEST(AnswerReader, TellsOfThoughtsContentAndCallsAsTheyCome) {
    ChatRequest request = question_with_tool();
    request.parallel_tool_calls = true;
    const Client client = read_by_bytes(
        "Qwen-Qwen3-0.6B", request,
        "<think>\nIn Rome.\n</think>\n\nI look.\n<tool_call>\n"
        "{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Rome\"}}\n</tool_call>\n"
        "<tool_call>\n"
        "{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Pisa\"}}\n</tool_call>");
    EXPECT_THAT(client.message.reasoning, HasSubstr("In Rome."));
    EXPECT_THAT(client.message.content, HasSubstr("I look."));
    EXPECT_EQ(client.message.content.find('<'), std::string::npos) << "nothing of a call shows";
    ASSERT_EQ(client.message.tool_calls.size(), 2U);
    EXPECT_EQ(client.message.tool_calls[0].arguments, R"({"city": "Rome"})");
    EXPECT_EQ(client.message.tool_calls[1].arguments, R"({"city": "Pisa"})");
    EXPECT_NE(client.message.tool_calls[0].id, client.message.tool_calls[1].id);
    EXPECT_GT(client.deltas, 20U);
}

TEST(AnswerReader, ReadsChannels) {
    const Client client =
        read_by_bytes("openai-gpt-oss-120b", question(),
                      "<|channel|>analysis<|message|>It is June.<|end|><|start|>assistant"
                      "<|channel|>final<|message|>Sunny.");
    EXPECT_EQ(client.message.reasoning, "It is June.");
    EXPECT_EQ(client.message.content, "Sunny.");
}

TEST(AnswerReader, ReadsALongAnswerInStepsThatGrow) {
    AnswerReader reader(real_template("Qwen-Qwen2.5-7B-Instruct").apply(question()).value());
    Client client;
    std::string answer;
    for (int word = 0; word < 10'000; ++word) {
        answer += "word ";
        client.take(reader.add("word "));
    }
    EXPECT_LT(client.deltas, 3'000U);
    const auto rest = reader.finish();
    ASSERT_TRUE(rest);
    client.take(*rest);
    EXPECT_EQ(client.message.content, answer);
}

TEST(AnswerReader, KeepsWhatCameBeforeAnEndThatHasNoForm) {
    AnswerReader reader(
        real_template("mistralai-Mistral-Nemo-Instruct-2407").apply(question_with_tool()).value());
    Client client;
    client.take(reader.add("Wait. [TOOL_CALLS]nothing"));
    const auto rest = reader.finish();
    ASSERT_FALSE(rest);
    EXPECT_EQ(rest.error().code, ErrorCode::negative);
    EXPECT_EQ(reader.message().content, client.message.content);
    EXPECT_EQ(reader.text(), "Wait. [TOOL_CALLS]nothing");
}

}  // namespace
}  // namespace hexcore
