#include "hexcore/serve/chat_writer.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "hexcore/serve/text_writer.hpp"

namespace hexcore::test {
namespace {

using Json = nlohmann::ordered_json;

const AnswerHead head{.id = "id-1", .created = 7, .model = "m"};

std::string text_of(Token token) { return token == 1 ? "\xc3" : fmt::format("t{}", token); }

ChatPrompt prompt(const std::string& user = "Hi") {
    const auto chat_template = ChatTemplate::from_text(
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}");
    EXPECT_TRUE(chat_template.has_value());
    auto applied = chat_template->apply({.messages = {{.role = "user", .content = user}}});
    EXPECT_TRUE(applied.has_value());
    return *std::move(applied);
}

GeneratedToken token(Token number, std::string bytes) {
    return {number, std::move(bytes), TokenChances{{number, -0.5F}, {{number, -0.5F}, {2, -2}}}};
}

Answer ended(StopReason reason) {
    Answer answer;
    answer.stop = reason;
    return answer;
}

TEST(ChatWriter, StreamsDeltasBetweenARoleAndAReason) {
    ChatWriter writer(head, prompt(), 1, text_of);
    std::vector<Json> chunks;
    writer.begin(chunks);
    writer.piece({0, "Hello", {}}, chunks);
    writer.piece({0, " you", {}}, chunks);
    writer.end(0, ended(StopReason::eos), chunks);
    ASSERT_GE(chunks.size(), 3U);
    EXPECT_EQ(chunks[0].dump(),
              R"({"id":"id-1","object":"chat.completion.chunk","created":7,"model":"m",)"
              R"("choices":[{"index":0,"delta":{"role":"assistant","content":""},)"
              R"("finish_reason":null}]})");
    std::string content;
    for (const Json& chunk : chunks) {
        content += chunk["choices"][0]["delta"].value("content", "");
    }
    EXPECT_EQ(content, "Hello you");
    EXPECT_EQ(chunks.back()["choices"][0]["finish_reason"], "stop");
    EXPECT_EQ(writer.whole()["choices"][0]["message"]["content"], "Hello you");
    EXPECT_EQ(writer.message().content, "Hello you");
    EXPECT_EQ(writer.message().role, "assistant");
}

TEST(ChatWriter, SaysWhyEachOfSeveralChoicesEnded) {
    ChatWriter writer(head, prompt(), 2, text_of);
    std::vector<Json> chunks;
    writer.piece({1, "B", {}}, chunks);
    writer.piece({0, "A", {}}, chunks);
    writer.end(1, ended(StopReason::length), chunks);
    writer.end(0, ended(StopReason::stop_text), chunks);
    const Json whole = writer.whole();
    EXPECT_EQ(whole["choices"][0]["message"]["content"], "A");
    EXPECT_EQ(whole["choices"][0]["finish_reason"], "stop");
    EXPECT_EQ(whole["choices"][1]["message"]["content"], "B");
    EXPECT_EQ(whole["choices"][1]["finish_reason"], "length");
}

TEST(ChatWriter, GivesTheChancesOfEveryTokenOnce) {
    ChatWriter writer(head, prompt(), 1, text_of);
    std::vector<Json> chunks;
    writer.piece({0, "a", {token(5, "a")}}, chunks);
    writer.piece({0, "\xc3\xbc", {token(1, "\xc3"), token(6, "\xbc")}}, chunks);
    writer.end(0, ended(StopReason::eos), chunks);
    std::size_t sent = 0;
    for (const Json& chunk : chunks) {
        sent += chunk["choices"][0]["logprobs"]["content"].size();
    }
    EXPECT_EQ(sent, 3U);
    const Json all = writer.whole()["choices"][0]["logprobs"]["content"];
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all[1]["bytes"].dump(), "[195]");
    EXPECT_EQ(all[0]["top_logprobs"][1]["token"], "t2");
    EXPECT_EQ(all[0]["logprob"], -0.5);
}

TEST(TextWriter, StreamsTextWithTheOffsetsOfItsTokens) {
    const auto writer = text_writer(head, 1, text_of);
    std::vector<Json> chunks;
    writer->begin(chunks);
    writer->piece({0, "one", {token(3, "on"), token(4, "e")}}, chunks);
    writer->piece({0, " two", {token(5, " two")}}, chunks);
    writer->end(0, ended(StopReason::context_full), chunks);
    ASSERT_EQ(chunks.size(), 3U);
    EXPECT_EQ(chunks[1]["choices"][0]["text"], " two");
    EXPECT_EQ(chunks[1]["choices"][0]["logprobs"]["text_offset"].dump(), "[3]");
    EXPECT_EQ(chunks[2]["choices"][0]["finish_reason"], "length");
    const Json whole = writer->whole();
    EXPECT_EQ(whole["object"], "text_completion");
    EXPECT_EQ(whole["choices"][0]["text"], "one two");
    EXPECT_EQ(whole["choices"][0]["logprobs"]["tokens"].dump(), R"(["on","e"," two"])");
    EXPECT_EQ(whole["choices"][0]["logprobs"]["text_offset"].dump(), "[0,2,3]");
}

TEST(TextWriter, CountsCharactersAndNamesBytesThatAreNone) {
    const auto writer = text_writer(head, 1, text_of);
    std::vector<Json> chunks;
    writer->piece({0, "\xc3\xbc", {token(1, "\xc3"), token(6, "\xbc")}}, chunks);
    writer->piece({0, "\xe2\x82\xac!", {token(7, "\xe2\x82\xac"), token(8, "!")}}, chunks);
    writer->end(0, ended(StopReason::eos), chunks);
    const Json chances = writer->whole()["choices"][0]["logprobs"];
    EXPECT_EQ(chances["tokens"].dump(), R"(["bytes:\\xc3","bytes:\\xbc",")"
                                        "\xe2\x82\xac"
                                        R"(","!"])");
    EXPECT_EQ(chances["text_offset"].dump(), "[0,0,1,2]");
    // The chosen one is among the most likely ones, even if it is none of them.
    EXPECT_EQ(chances["top_logprobs"][3].dump(), R"({"t8":-0.5,"t2":-2.0,"!":-0.5})");
}

TEST(AnswerWriters, GiveAUsageThatIsNullWhereItIsAskedFor) {
    AnswerHead counting = head;
    counting.counts = true;
    const auto writer = text_writer(counting, 1, text_of);
    std::vector<Json> chunks;
    writer->piece({0, "a", {}}, chunks);
    EXPECT_TRUE(chunks[0].at("usage").is_null());
    EXPECT_FALSE(text_writer(head, 1, text_of)->empty_chunk().contains("usage"));
    EXPECT_TRUE(ChatWriter(counting, prompt(), 1, text_of).empty_chunk().at("usage").is_null());
}

TEST(AnswerUsage, SaysHowMuchWasInTheCache) {
    EXPECT_EQ(
        (AnswerUsage{.prompt_tokens = 9, .cached_tokens = 4, .completion_tokens = 2}).json().dump(),
        R"({"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,)"
        R"("prompt_tokens_details":{"cached_tokens":4}})");
}

}  // namespace
}  // namespace hexcore::test
