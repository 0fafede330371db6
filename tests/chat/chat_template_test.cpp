#include "hexcore/chat/chat_template.hpp"

#include <gmock/gmock.h>

#include <vector>

#include "chat/templates.hpp"

namespace hexcore {
namespace {

using test::question;
using test::question_with_tool;
using test::real_template;
using ::testing::HasSubstr;
using ::testing::Not;

ChatPrompt applied(const ChatTemplate& chat_template, const ChatRequest& request) {
    auto prompt = chat_template.apply(request);
    EXPECT_TRUE(prompt) << prompt.error().message;
    return prompt ? *prompt : ChatPrompt();
}

ChatMessage read(const ChatPrompt& prompt, std::string_view text) {
    auto message = read_answer(prompt, text, AnswerEnd::reached);
    EXPECT_TRUE(message) << message.error().message;
    return message ? *message : ChatMessage();
}

/// A template, an answer in its words that thinks or calls the tool, and what that means.
struct Written {
    const char* name;
    const char* answer;
    const char* reasoning;
    const char* id = "";
    bool marks_calls = true;  ///< without a mark, no grammar can begin with it
};

class RealTemplate : public ::testing::TestWithParam<Written> {};

TEST_P(RealTemplate, PutsQuestionAndToolToTheModelAndReadsItsCall) {
    const ChatTemplate chat_template = real_template(GetParam().name);
    const ChatPrompt prompt = applied(chat_template, question_with_tool());
    EXPECT_THAT(prompt.text, HasSubstr("How is the weather in Rome?"));
    EXPECT_THAT(prompt.text, HasSubstr("Be brief."));
    EXPECT_THAT(prompt.text, HasSubstr("get_weather"));
    EXPECT_EQ(prompt.grammar_lazy, GetParam().marks_calls);
    EXPECT_EQ(prompt.triggers.patterns.empty(), !GetParam().marks_calls);
    EXPECT_EQ(prompt.grammar.empty(), !GetParam().marks_calls);

    const ChatMessage message = read(prompt, GetParam().answer);
    ASSERT_EQ(message.tool_calls.size(), 1U);
    EXPECT_EQ(message.tool_calls[0].name, "get_weather");
    EXPECT_THAT(message.tool_calls[0].arguments, HasSubstr("Rome"));
    EXPECT_EQ(message.tool_calls[0].id, GetParam().id);
    EXPECT_THAT(message.reasoning, HasSubstr(GetParam().reasoning));
    EXPECT_EQ(message.content, "");
}

TEST_P(RealTemplate, TellsTheModelWhatItsCallGave) {
    const ChatTemplate chat_template = real_template(GetParam().name);
    ChatRequest request = question_with_tool();
    ChatMessage call = read(applied(chat_template, request), GetParam().answer);
    call.tool_calls.at(0).id = "abcdef123";
    request.messages.push_back(call);
    request.messages.push_back({.role = "tool",
                                .content = "22 degrees",
                                .name = "get_weather",
                                .tool_call_id = "abcdef123"});
    EXPECT_THAT(applied(chat_template, request).text, HasSubstr("22 degrees"));
}

INSTANTIATE_TEST_SUITE_P(
    OfLlamaCpp, RealTemplate,
    ::testing::Values(
        Written{"Qwen-Qwen3-0.6B",
                "<think>\nIn Rome.\n</think>\n\n<tool_call>\n"
                "{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Rome\"}}\n</tool_call>",
                "In Rome."},
        Written{"Qwen3-Coder",
                "<tool_call>\n<function=get_weather>\n<parameter=city>\nRome\n</parameter>\n"
                "</function>\n</tool_call>",
                ""},
        Written{"NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use",
                "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Rome\"}}\n"
                "</tool_call>",
                ""},
        Written{"meta-llama-Llama-3.1-8B-Instruct",
                "{\"name\": \"get_weather\", \"parameters\": {\"city\": \"Rome\"}}", "", "", false},
        Written{"mistralai-Mistral-Nemo-Instruct-2407",
                "[TOOL_CALLS][{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Rome\"}, "
                "\"id\": \"123456789\"}]",
                "", "123456789"},
        Written{"openai-gpt-oss-120b",
                "<|channel|>analysis<|message|>In Rome.<|end|><|start|>assistant<|channel|>"
                "commentary to=functions.get_weather <|constrain|>json<|message|>"
                "{\"city\": \"Rome\"}",
                "In Rome."}),
    [](const auto& tested) {
        std::string name = tested.param.name;
        std::erase_if(name, [](char byte) { return byte == '-' || byte == '.' || byte == '_'; });
        return name;
    });

TEST(ChatTemplate, SetsThoughtsApartOrLeavesThemWhereTheyAre) {
    const ChatTemplate chat_template = real_template("deepseek-ai-DeepSeek-R1-Distill-Qwen-32B");
    ChatRequest request = question();
    const ChatPrompt apart = applied(chat_template, request);
    EXPECT_TRUE(apart.can_think);
    EXPECT_EQ(apart.thinking_start, "<think>");
    // The template itself begins the thought.
    EXPECT_TRUE(apart.text.ends_with(apart.answer_start));
    EXPECT_THAT(apart.answer_start, HasSubstr("<think>"));
    const ChatMessage message = read(apart, "It is June.\n</think>\n\nSunny.");
    EXPECT_THAT(message.reasoning, HasSubstr("It is June."));
    EXPECT_THAT(message.content, HasSubstr("Sunny."));
    EXPECT_THAT(message.content, Not(HasSubstr("think")));

    request.thoughts = Thoughts::in_content;
    const ChatMessage whole =
        read(applied(chat_template, request), "It is June.\n</think>\n\nSunny.");
    EXPECT_EQ(whole.reasoning, "");
    EXPECT_THAT(whole.content, HasSubstr("It is June.\n</think>\n\nSunny."));
}

TEST(ChatTemplate, IsToldNotToThink) {
    const ChatTemplate chat_template = real_template("Qwen-Qwen3-0.6B");
    ChatRequest request = question();
    EXPECT_THAT(applied(chat_template, request).text, Not(HasSubstr("</think>")));
    request.thinking = false;
    EXPECT_THAT(applied(chat_template, request).text, HasSubstr("<think>\n\n</think>"));
}

TEST(ChatTemplate, EndsWhereTheUserIsToSpeak) {
    const ChatTemplate chat_template = real_template("Qwen-Qwen2.5-7B-Instruct");
    ChatRequest request = question();
    request.messages.push_back({.role = "assistant", .content = "Sunny."});
    request.turn = Turn::user;
    EXPECT_TRUE(applied(chat_template, request).text.ends_with("Sunny.<|im_end|>\n"));
}

TEST(ChatTemplate, HoldsAnswersToASchemaFromTheirBeginning) {
    const ChatTemplate chat_template = real_template("Qwen-Qwen2.5-7B-Instruct");
    ChatRequest request = question();
    request.json_schema = R"({"type": "object", "properties": {"sunny": {"type": "boolean"}}})";
    const ChatPrompt prompt = applied(chat_template, request);
    EXPECT_THAT(prompt.grammar, HasSubstr("sunny"));
    EXPECT_FALSE(prompt.grammar_lazy);
    EXPECT_TRUE(prompt.grammar_has_answer_start);
    EXPECT_EQ(read(prompt, R"({"sunny": true})").content, R"({"sunny": true})");
}

TEST(ChatTemplate, PassesAGrammarOn) {
    const ChatTemplate chat_template = real_template("Qwen-Qwen2.5-7B-Instruct");
    ChatRequest request = question();
    request.grammar = "root ::= \"yes\" | \"no\"";
    const ChatPrompt prompt = applied(chat_template, request);
    EXPECT_EQ(prompt.grammar, request.grammar);
    EXPECT_FALSE(prompt.grammar_has_answer_start);
}

TEST(ChatTemplate, HasTheModelCallWhereACallIsRequired) {
    const ChatTemplate chat_template = real_template("Qwen-Qwen2.5-7B-Instruct");
    ChatRequest request = question_with_tool();
    request.tool_choice = ToolChoice::required;
    const ChatPrompt prompt = applied(chat_template, request);
    EXPECT_THAT(prompt.grammar, HasSubstr("get_weather"));
    EXPECT_FALSE(prompt.grammar_lazy);

    request.tool_choice = ToolChoice::none;
    EXPECT_EQ(applied(chat_template, request).grammar, "");
}

TEST(ChatTemplate, IsAllThatLlamaCppBrings) {
    EXPECT_TRUE(real_template("Qwen-Qwen2.5-7B-Instruct").knows_tools());
    EXPECT_FALSE(real_template("google-gemma-2-2b-it").knows_tools());
}

TEST(ChatTemplate, RefusesWhatItsTextDoesNotTake) {
    const ChatTemplate chat_template = real_template("google-gemma-2-2b-it");
    const auto prompt = chat_template.apply(
        {.messages = {{.role = "user", .content = "One"}, {.role = "user", .content = "Two"}}});
    ASSERT_FALSE(prompt);
    EXPECT_EQ(prompt.error().code, ErrorCode::usage);
    EXPECT_THAT(prompt.error().message, HasSubstr("must alternate"));
    EXPECT_THAT(prompt.error().message, Not(HasSubstr("\n")));
}

TEST(ChatTemplate, RefusesRequestsThatAreWrongInThemselves) {
    const ChatTemplate chat_template = real_template("Qwen-Qwen2.5-7B-Instruct");
    const auto refusal = [&](auto change) {
        ChatRequest request = question_with_tool();
        change(request);
        const auto prompt = chat_template.apply(request);
        EXPECT_FALSE(prompt);
        EXPECT_EQ(prompt ? ErrorCode::negative : prompt.error().code, ErrorCode::usage);
        return prompt ? "" : prompt.error().message;
    };
    EXPECT_THAT(refusal([](ChatRequest& request) { request.tools[0].parameters = "{"; }),
                HasSubstr("what the tool get_weather takes is no JSON"));
    EXPECT_THAT(refusal([](ChatRequest& request) { request.tools[0].parameters = "[]"; }),
                HasSubstr("is no JSON object"));
    EXPECT_THAT(refusal([](ChatRequest& request) {
                    request.messages.push_back(
                        {.role = "assistant", .tool_calls = {{.name = "f", .arguments = "no"}}});
                }),
                HasSubstr("the tool f was called with is no JSON"));
    EXPECT_THAT(refusal([](ChatRequest& request) { request.variables["x"] = "no"; }),
                HasSubstr("variable x is no JSON"));
    EXPECT_THAT(refusal([](ChatRequest& request) { request.grammar = "root ::= \"a\""; }),
                HasSubstr("cannot be held to another"));
    EXPECT_THAT(refusal([](ChatRequest& request) {
                    request.json_schema = "{}";
                    request.grammar = "root ::= \"a\"";
                }),
                HasSubstr("not to both"));
}

TEST(ReadAnswer, SaysThatAnAnswerIsNotInTheForm) {
    const ChatTemplate chat_template = real_template("mistralai-Mistral-Nemo-Instruct-2407");
    const ChatPrompt prompt = applied(chat_template, question_with_tool());
    const auto message = read_answer(prompt, "[TOOL_CALLS]nothing", AnswerEnd::reached);
    ASSERT_FALSE(message);
    EXPECT_EQ(message.error().code, ErrorCode::negative);
}

TEST(ReadAnswer, TakesAnyTextOfAPromptWithoutATemplate) {
    EXPECT_EQ(read(ChatPrompt(), "<think>Hello").content, "<think>Hello");
}

}  // namespace
}  // namespace hexcore
