#include "hexcore/cli/conversation_note.hpp"

#include <gtest/gtest.h>

namespace hexcore {
namespace {

TEST(ConversationNote, ComesBackAsItWas) {
    const std::vector<ChatMessage> said{
        {.role = "system", .content = "Be brief."},
        {.role = "user", .content = "The weather in \"Köln\"?\n"},
        {.role = "assistant",
         .content = "",
         .reasoning = "I have to look.",
         .tool_calls = {{"a1", "weather", R"({"city": "Köln"})"}, {"a2", "now", "{}"}}}};
    const auto read = read_conversation_note(conversation_note(said));
    ASSERT_TRUE(read.has_value()) << read.error().message;
    ASSERT_EQ(read->size(), 3U);
    EXPECT_EQ((*read)[1].role, "user");
    EXPECT_EQ((*read)[1].content, said[1].content);
    EXPECT_EQ((*read)[2].reasoning, said[2].reasoning);
    ASSERT_EQ((*read)[2].tool_calls.size(), 2U);
    EXPECT_EQ((*read)[2].tool_calls[0].id, "a1");
    EXPECT_EQ((*read)[2].tool_calls[0].name, "weather");
    EXPECT_EQ((*read)[2].tool_calls[0].arguments, said[2].tool_calls[0].arguments);
}

TEST(ConversationNote, OfEarlierVersionsIsRead) {
    const auto read = read_conversation_note(
        R"({"messages": [{"role": "user", "content": "Hi"}], "in_cache": 12})");
    ASSERT_TRUE(read.has_value()) << read.error().message;
    ASSERT_EQ(read->size(), 1U);
    EXPECT_EQ(read->front().content, "Hi");
}

TEST(ConversationNote, OfAnotherFormIsRefused) {
    for (const char* note :
         {"", "{}", "[]", R"({"messages": {}})", R"({"messages": [{"role": "user"}]})",
          R"({"messages": [{"role": 1, "content": "a"}]})",
          R"({"messages": [{"role": "a", "content": "a", "tool_calls": [{"id": "1"}]}]})"}) {
        const auto read = read_conversation_note(note);
        ASSERT_FALSE(read.has_value()) << note;
        EXPECT_EQ(read.error().code, ErrorCode::bad_input) << note;
    }
}

}  // namespace
}  // namespace hexcore
