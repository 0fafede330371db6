// What is looked at in answers and kept of conversations.

#include <gmock/gmock.h>

#include <fstream>
#include <string>

#include "hexcore/assistant/degenerate_text.hpp"
#include "hexcore/assistant/dialogue.hpp"
#include "hexcore/assistant/expert_breaker.hpp"
#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::string times(const std::string& text, int count) {
    std::string all;
    for (int i = 0; i < count; ++i) {
        all += text;
    }
    return all;
}

TEST(DegenerateText, IsEmptyWithoutALetterOrDigit) {
    EXPECT_EQ(degeneration_of("", 0, 0), Degeneration::empty);
    EXPECT_EQ(degeneration_of(" \n..!", 4, 0), Degeneration::empty);
    EXPECT_EQ(degeneration_of("", 5, 5), Degeneration::only_special);
    EXPECT_EQ(degeneration_of("7", 1, 0), Degeneration::none);
    EXPECT_EQ(degeneration_of("\xf0\x9f\x94\xa5", 1, 0), Degeneration::none);
}

TEST(DegenerateText, RepeatsWhereItsEndIsTheSameAgainAndAgain) {
    EXPECT_TRUE(repeats_itself(times("a", 200)));
    EXPECT_TRUE(repeats_itself("Well. " + times("You attack with the creature. ", 6)));
    EXPECT_TRUE(repeats_itself("It is. " + times("and then the and ", 12) + "\n\n"));
    // No end of the same, but hardly anything new.
    std::string loops;
    for (int i = 0; i < 12; ++i) {
        loops += "the spell resolves and the creature dies so you win the game " +
                 std::to_string(i) + ". ";
    }
    EXPECT_TRUE(repeats_itself(loops));
}

TEST(DegenerateText, DoesNotRepeatInListsTablesAndCounting) {
    EXPECT_FALSE(repeats_itself(""));
    EXPECT_FALSE(repeats_itself(times("-", 80)));
    EXPECT_FALSE(repeats_itself("Draw a card. Draw a card. Draw a card."));
    std::string counting;
    for (int i = 0; i < 60; ++i) {
        counting += std::to_string(i) + " and then " + std::to_string(i * i) + ", ";
    }
    EXPECT_FALSE(repeats_itself(counting));
    EXPECT_FALSE(repeats_itself(
        "| Turn | Lands | Odds |\n|---|---|---|\n| 2 | 2 | 0.91 |\n| 3 | 3 | 0.82 |\n"
        "| 4 | 4 | 0.69 |\n| 5 | 5 | 0.51 |\n| 6 | 6 | 0.37 |\n"));
}

TEST(ExpertBreaker, KeepsOutWhoFailedThreeTimesInFiveMinutesForAsLong) {
    ExpertBreaker breaker(2);
    const ExpertBreaker::Time start{};
    breaker.failed(0, start);
    breaker.failed(0, start + 1min);
    EXPECT_EQ(breaker.out_for(0, start + 1min), std::nullopt);
    breaker.failed(0, start + 299s);
    EXPECT_EQ(breaker.out_for(0, start + 299s), 300s);
    EXPECT_EQ(breaker.out_for(1, start + 299s), std::nullopt);
    EXPECT_EQ(breaker.out_for(0, start + 598s), 1s);
    EXPECT_EQ(breaker.out_for(0, start + 599s), std::nullopt);
    EXPECT_EQ(breaker.failures(0, start + 599s), 0U);
}

TEST(ExpertBreaker, ForgetsFailuresThatAreOlder) {
    ExpertBreaker breaker(1);
    const ExpertBreaker::Time start{};
    for (int i = 0; i < 10; ++i) {
        breaker.failed(0, start + i * 150s);
        EXPECT_EQ(breaker.out_for(0, start + i * 150s), std::nullopt) << i;
    }
    EXPECT_EQ(breaker.failures(0, start + 9 * 150s), 2U);
}

class Dialogues : public testing::Test {
protected:
    test::TempFolder folder_;
    std::filesystem::path file_ = folder_ / "talk.json";
};

TEST_F(Dialogues, AreReadAsTheyWereWritten) {
    auto dialogue = Dialogue::read(file_, "magic");
    ASSERT_TRUE(dialogue) << dialogue.error().message;
    EXPECT_TRUE(dialogue->turns().empty());
    dialogue->add({"Who \"wins\"?\n", "\u00c6ther \xff", {"REASON", "PREDICT"}});
    ASSERT_TRUE(dialogue->write(file_));
    const auto again = Dialogue::read(file_, "magic");
    ASSERT_TRUE(again) << again.error().message;
    ASSERT_EQ(again->turns().size(), 1U);
    EXPECT_EQ(again->turns()[0].question, "Who \"wins\"?\n");
    EXPECT_EQ(again->turns()[0].answer, "\u00c6ther \ufffd");
    EXPECT_THAT(again->turns()[0].experts, testing::ElementsAre("REASON", "PREDICT"));
    EXPECT_THAT(Dialogue::read(file_, "chess").error().message,
                HasSubstr("with magic, and not with chess"));
}

TEST_F(Dialogues, OfOtherFilesAreRefused) {
    for (const char* text :
         {"", "[]", "{", "{\"schema\": 1}", R"({"schema": "hexcore.dialogue/2"})",
          R"({"schema": "hexcore.dialogue/1"})",
          R"({"schema": "hexcore.dialogue/1", "assistant": "magic", "turns": [{}]})"}) {
        std::ofstream(file_) << text;
        const auto read = Dialogue::read(file_, "magic");
        ASSERT_FALSE(read) << text;
        EXPECT_EQ(read.error().code, ErrorCode::bad_input);
    }
}

TEST_F(Dialogues, AreKeptWithinABudgetByTheirNewestTurns) {
    Dialogue dialogue("magic");
    for (const char* question : {"aaaa", "bb", "cc"}) {
        dialogue.add({question, "1234"});
    }
    const auto bytes = [](std::string_view text) -> std::uint64_t { return text.size(); };
    EXPECT_EQ(dialogue.within(1000, 0, bytes).size(), 3U);
    const auto newest = dialogue.within(14, 1, bytes);
    ASSERT_EQ(newest.size(), 2U);
    EXPECT_EQ(newest[0].question, "bb");
    EXPECT_EQ(dialogue.within(13, 1, bytes).size(), 1U);
    EXPECT_EQ(dialogue.within(0, 1, bytes).size(), 0U);
}

}  // namespace
}  // namespace hexcore
