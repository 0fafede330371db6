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

}  // namespace
}  // namespace hexcore
