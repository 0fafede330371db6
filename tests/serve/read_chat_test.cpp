#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "hexcore/serve/asked.hpp"

namespace hexcore::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string hello = R"("messages": [{"role": "user", "content": "Hello"}])";

AskedChat read(const std::string& fields) {
    auto asked = read_chat("{" + fields + "}");
    EXPECT_TRUE(asked.has_value()) << fields << ": " << asked.error().message;
    return asked ? *std::move(asked) : AskedChat{};
}

std::string problem(const std::string& fields) {
    const auto asked = read_chat("{" + fields + "}");
    EXPECT_FALSE(asked.has_value()) << fields;
    EXPECT_TRUE(asked || asked.error().status == 400) << fields;
    return asked ? "fine" : asked.error().param + ": " + asked.error().message;
}

TEST(ReadChat, TakesWhatItsClientsSay) {
    const AskedChat asked = read(
        hello +
        R"(, "model": "any", "n": 2, "stop": ["a", "b"], "seed": 7, "temperature": 0.5, "top_p": 1,
           "top_k": 3, "min_p": 0.25, "max_completion_tokens": 9, "logprobs": true,
           "top_logprobs": 4, "frequency_penalty": -1, "presence_penalty": 2,
           "repeat_penalty": 1.5, "logit_bias": {"17": -100, "3": 1}, "stream": true,
           "stream_options": {"include_usage": true}, "user": "somebody")");
    const Request& how = asked.answer.how;
    EXPECT_EQ(asked.answer.choices, 2U);
    EXPECT_TRUE(asked.answer.stream);
    EXPECT_TRUE(asked.answer.include_usage);
    EXPECT_THAT(how.stops, ElementsAre("a", "b"));
    EXPECT_EQ(how.sampling.seed, 7U);
    EXPECT_EQ(how.sampling.temperature, 0.5F);
    EXPECT_EQ(how.sampling.top_p, 1.0F);
    EXPECT_EQ(how.sampling.top_k, 3);
    EXPECT_EQ(how.sampling.min_p, 0.25F);
    EXPECT_EQ(how.sampling.frequency_penalty, -1.0F);
    EXPECT_EQ(how.sampling.presence_penalty, 2.0F);
    EXPECT_EQ(how.sampling.repeat_penalty, 1.5F);
    EXPECT_EQ(how.max_tokens, 9U);
    EXPECT_EQ(how.chances, 4U);
    ASSERT_EQ(how.biases.size(), 2U);
    EXPECT_EQ(how.biases[0].token, 17);
    EXPECT_EQ(how.biases[0].bias, -100.0F);
    ASSERT_EQ(asked.chat.messages.size(), 1U);
    EXPECT_EQ(asked.chat.messages[0].content, "Hello");
}

TEST(ReadChat, TakesTheDefaultsOfRunWhereNothingIsSaid) {
    const Request how = read(hello).answer.how;
    EXPECT_EQ(how.sampling.temperature, SamplingOptions{}.temperature);
    EXPECT_EQ(how.sampling.seed, SamplingOptions{}.seed);
    EXPECT_EQ(how.max_tokens, 0U);
    EXPECT_FALSE(how.chances.has_value());
}

TEST(ReadChat, TakesContentsInPartsAndConversationsWithCalls) {
    const AskedChat asked = read(R"("messages": [
        {"role": "system", "content": [{"type": "text", "text": "Be "},
                                       {"type": "text", "text": "brief"}]},
        {"role": "assistant", "content": null, "reasoning_content": "hm", "refusal": null,
         "tool_calls": [{"id": "c1", "type": "function",
                         "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "3"}])");
    const auto& messages = asked.chat.messages;
    ASSERT_EQ(messages.size(), 3U);
    EXPECT_EQ(messages[0].content, "Be brief");
    EXPECT_EQ(messages[1].reasoning, "hm");
    ASSERT_EQ(messages[1].tool_calls.size(), 1U);
    EXPECT_EQ(messages[1].tool_calls[0].name, "f");
    EXPECT_EQ(messages[2].tool_call_id, "c1");
}

const std::string tools =
    R"(, "tools": [{"type": "function", "function": {"name": "f", "description": "d",
        "parameters": {"type": "object", "properties": {"z": {}, "a": {}}}}},
       {"type": "function", "function": {"name": "g", "strict": true}}])";

TEST(ReadChat, TakesToolsAndWhichToCall) {
    AskedChat asked = read(hello + tools);
    ASSERT_EQ(asked.chat.tools.size(), 2U);
    EXPECT_EQ(asked.chat.tools[0].description, "d");
    EXPECT_EQ(asked.chat.tools[0].parameters, R"({"type":"object","properties":{"z":{},"a":{}}})");
    EXPECT_TRUE(asked.chat.parallel_tool_calls);
    EXPECT_EQ(asked.chat.tool_choice, ToolChoice::automatic);
    EXPECT_EQ(read(hello + tools + R"(, "tool_choice": "none")").chat.tool_choice,
              ToolChoice::none);
    asked = read(hello + tools +
                 R"(, "tool_choice": {"type": "function", "function": {"name": "g"}},
                     "parallel_tool_calls": false)");
    EXPECT_EQ(asked.chat.tool_choice, ToolChoice::required);
    ASSERT_EQ(asked.chat.tools.size(), 1U);
    EXPECT_EQ(asked.chat.tools[0].name, "g");
    EXPECT_FALSE(asked.chat.parallel_tool_calls);
}

TEST(ReadChat, TakesFormatsOfAnswers) {
    EXPECT_EQ(read(hello + R"(, "response_format": {"type": "text"})").chat.json_schema, "");
    EXPECT_EQ(read(hello + R"(, "response_format": {"type": "json_object"})").chat.json_schema,
              R"({"type": "object"})");
    EXPECT_EQ(read(hello + R"(, "response_format": {"type": "json_schema", "json_schema":
                  {"name": "n", "strict": true, "schema": {"type": "integer"}}})")
                  .chat.json_schema,
              R"({"type":"integer"})");
}

TEST(ReadChat, SaysWhichFieldIsWrong) {
    const std::pair<const char*, const char*> wrong[] = {
        {R"("n": 1)", "messages: messages is missing"},
        {R"("messages": [])", "messages: messages is empty"},
        {R"("messages": ["a"])", "messages[0]: messages[0] must be an object"},
        {R"("messages": [{"content": "a"}])", "messages[0].role: messages[0].role is missing"},
        {R"("messages": [{"role": "user"}])",
         "messages[0].content: messages[0].content is missing"},
        {R"("messages": [{"role": "user", "content": null}])",
         "messages[0].content: messages[0].content is missing"},
        {R"("messages": [{"role": "king", "content": "a"}])",
         "messages[0].role: messages[0].role must be system, developer, user, assistant or tool"},
        {R"("messages": [{"role": "user", "content": 1}])",
         "messages[0].content: messages[0].content must be a string or a list of parts"},
        {R"("messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}])",
         "messages[0].content[0].type: messages[0].content[0].type must be text: no other parts "
         "are supported"},
        {R"("messages": [{"role": "user", "content": "a", "tool_calls": []}])",
         "messages[0].tool_calls: messages[0].tool_calls is not supported"},
    };
    for (const auto& [fields, message] : wrong) {
        EXPECT_EQ(problem(fields), message);
    }
    const std::pair<const char*, const char*> beside[] = {
        {R"("temperature": 101)", "temperature: temperature must be between 0 and 100"},
        {R"("temperature": "hot")", "temperature: temperature must be a number"},
        {R"("n": 0)", "n: n must be between 1 and 128"},
        {R"("max_tokens": 0)", "max_tokens: max_tokens must be between 1 and 2147483647"},
        {R"("logit_bias": {"a": 1})",
         "logit_bias: logit_bias must give token numbers a value between -100 and 100 each"},
        {R"("stop": "")", "stop: stop must be a string or a list of up to 16, none empty"},
        {R"("top_logprobs": 2)", "top_logprobs: top_logprobs needs logprobs to be true"},
        {R"("stream_options": {})", "stream_options: stream_options is for a stream only"},
        {R"("session_id": "")", "session_id: session_id must have 1 to 256 bytes"},
        {R"("session_id": "a", "n": 2)", "n: n must be 1 in a session with a name"},
        {R"("audio": {})", "audio: audio is not supported"},
        {R"("tool_choice": "required")",
         "tool_choice: tool_choice is required, and there are no tools"},
        {R"("tools": [{"type": "code"}])",
         "tools[0].type: tools[0].type must be function: no other tools are supported"},
        {R"("response_format": {"type": "xml"})",
         "response_format.type: response_format.type must be text, json_object or json_schema"},
        {R"("response_format": {"type": "json_schema", "json_schema": {}})",
         "response_format.json_schema.schema: response_format.json_schema.schema is missing"},
    };
    for (const auto& [fields, message] : beside) {
        EXPECT_EQ(problem(hello + ", " + fields), message);
    }
    EXPECT_THAT(problem(hello + tools + R"(, "response_format": {"type": "json_object"})"),
                HasSubstr("beside tools"));
    EXPECT_THAT(problem(hello + tools +
                        R"(, "tool_choice": {"type": "function", "function": {"name": "h"}})"),
                HasSubstr("none of the tools"));
}

}  // namespace
}  // namespace hexcore::test
