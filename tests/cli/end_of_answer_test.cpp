#include "hexcore/cli/end_of_answer.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hexcore {
namespace {

const std::string prompt = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n";

TEST(EndOfAnswer, IsFoundBeforeWhatTheTemplatePutsBehindIt) {
    EXPECT_EQ(end_of_answer(prompt + "Hello.<|im_end|>\n", prompt, "Hello."), prompt.size() + 6);
}

TEST(EndOfAnswer, IsNotLookedForInTheTemplatesMarks) {
    for (const std::string answer : {"e", "end", "\n", "|", ">\n"}) {
        EXPECT_EQ(end_of_answer(prompt + answer + "<|im_end|>\n", prompt, answer),
                  prompt.size() + answer.size())
            << answer;
    }
}

TEST(EndOfAnswer, OfAnEmptyOneIsWhereThePromptEnds) {
    EXPECT_EQ(end_of_answer(prompt + "<|im_end|>\n", prompt, ""), prompt.size());
}

TEST(EndOfAnswer, IsFoundWhereTheTemplateTrims) {
    EXPECT_EQ(end_of_answer(prompt + "Hello.</s>", prompt, " Hello. \n"), prompt.size() + 6);
    EXPECT_EQ(end_of_answer(prompt + "</s>", prompt, " \n"), prompt.size());
}

TEST(EndOfAnswer, IsTheWholeConversationWhereTheTemplateChangesTheAnswer) {
    const std::string conversation = prompt + "Four.</s>";
    EXPECT_EQ(end_of_answer(conversation, prompt, "<think>2 + 2</think>Four."),
              conversation.size());
}

}  // namespace
}  // namespace hexcore
