// Who answers, what is suggested beside, and what an expert reads.

#include "hexcore/assistant/assistant.hpp"

#include <gmock/gmock.h>

#include <string>

namespace hexcore {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr ExpertBreaker::Time start{};

AssistantDescription of_experts(std::size_t count) {
    AssistantDescription assistant{.name = "letters", .description = "letters"};
    for (std::size_t i = 0; i < count; ++i) {
        assistant.experts.push_back({.name = std::string(1, static_cast<char>('A' + i)),
                                     .description = "",
                                     .system = "You are a letter.",
                                     .examples = {},
                                     .keywords = {}});
    }
    return assistant;
}

Assistant assistant_of(const AssistantDescription& description) {
    auto nothing = Knowledge::open({});
    HEXCORE_CHECK(nothing.has_value(), 0, "no knowledge");
    return {description, *std::move(nothing)};
}

/// For so many side by side.
auto room_for(std::size_t most) {
    return [most](std::span<const std::size_t> experts) { return experts.size() <= most; };
}

std::vector<std::size_t> experts_of(const PickedExperts& picked) {
    std::vector<std::size_t> experts;
    for (const PickedExpert& one : picked.experts) {
        experts.push_back(one.expert);
    }
    return experts;
}

TEST(Routing, GoesByKeywordsWithoutARouter) {
    AssistantDescription description = of_experts(3);
    description.experts[1].keywords = {"why", "how"};
    const Assistant assistant = assistant_of(description);
    EXPECT_THAT(assistant.route("Why, and how?", {}).probabilities, ElementsAre(0.2, 0.6, 0.2));
    EXPECT_THAT(assistant_of(of_experts(1)).route("Why?", {}).probabilities, ElementsAre(1));
}

TEST(Pick, TakesTheMostLikelyAloneWhereItIsLikelyEnough) {
    const Assistant assistant = assistant_of(of_experts(3));
    const auto picked = assistant.pick({{0.3, 0.6, 0.1}}, {.wanted = 0}, start);
    ASSERT_TRUE(picked);
    EXPECT_THAT(experts_of(*picked), ElementsAre(1));
    EXPECT_EQ(picked->experts[0].weight, 1);
    EXPECT_FALSE(picked->fallback);
    EXPECT_THAT(picked->notes, IsEmpty());
}

TEST(Pick, TakesSeveralWhereConfidenceIsSpread) {
    const Assistant assistant = assistant_of(of_experts(4));
    const auto picked = assistant.pick({{0.1, 0.3, 0.2, 0.4}}, {.wanted = 0}, start);
    ASSERT_TRUE(picked);
    EXPECT_THAT(experts_of(*picked), ElementsAre(3, 1));
    EXPECT_NEAR(picked->experts[0].weight, 0.4 / 0.7, 1e-12);
    EXPECT_FALSE(picked->fallback);  // together they are likely enough
}

TEST(Pick, SaysThatThereIsRoomForFewer) {
    const Assistant assistant = assistant_of(of_experts(4));
    const auto picked =
        assistant.pick({{0.1, 0.3, 0.2, 0.4}}, {.wanted = 3, .have_room = room_for(2)}, start);
    ASSERT_TRUE(picked);
    EXPECT_THAT(experts_of(*picked), ElementsAre(3, 1));
    EXPECT_THAT(picked->notes,
                ElementsAre("3 experts were to answer; there is room for 2 side by side"));
}

TEST(Pick, LeavesOutWhoHasNoRoomBesideTheOthers) {
    const Assistant assistant = assistant_of(of_experts(4));
    const auto not_both = [](std::span<const std::size_t> experts) {
        return std::ranges::count_if(experts, [](auto one) { return one == 3 || one == 1; }) < 2;
    };
    const auto picked =
        assistant.pick({{0.1, 0.3, 0.2, 0.4}}, {.wanted = 3, .have_room = not_both}, start);
    ASSERT_TRUE(picked);
    EXPECT_THAT(experts_of(*picked), ElementsAre(3, 2, 0));
    EXPECT_THAT(picked->notes, ElementsAre("there is no room for B beside the others"));
    EXPECT_FALSE(picked->fallback);
}

TEST(Pick, SaysThatFewerCanAnswerAndWhoDoesInPlaceOfWhom) {
    Assistant assistant = assistant_of(of_experts(3));
    assistant.exclude(0, "its adapter is damaged");
    assistant.exclude(1, "its adapter is foreign");
    // The third is among those who are meant, but not alone.
    const auto picked = assistant.pick({{0.9, 0.04, 0.06}}, {.wanted = 2}, start);
    ASSERT_TRUE(picked && picked->fallback);
    EXPECT_THAT(experts_of(*picked), ElementsAre(2));
    EXPECT_EQ(picked->fallback->expert, 2U);
    EXPECT_EQ(picked->fallback->reason, "A: its adapter is damaged");
    EXPECT_THAT(picked->notes,
                ElementsAre("2 experts were to answer, and 1 can", "B: its adapter is foreign"));
    const auto named =
        assistant.pick({.probabilities = {0.9, 0.04, 0.06}, .named = 1}, {.wanted = 2}, start);
    ASSERT_TRUE(named && named->fallback);
    EXPECT_THAT(experts_of(*named), ElementsAre(2));
    EXPECT_EQ(named->fallback->reason, "B: its adapter is foreign");
    EXPECT_THAT(named->notes,
                ElementsAre("2 experts were to answer, and 1 can", "A: its adapter is damaged"));
}

TEST(Pick, SaysThatThereAreFewer) {
    const Assistant assistant = assistant_of(of_experts(2));
    const auto picked = assistant.pick({{0.4, 0.6}}, {.wanted = 9}, start);
    ASSERT_TRUE(picked);
    EXPECT_THAT(experts_of(*picked), ElementsAre(1, 0));
    EXPECT_THAT(picked->notes, ElementsAre("9 experts were to answer; letters has 2"));
}

TEST(Pick, SuggestsTheNextBelowTheThreshold) {
    const Assistant assistant = assistant_of(of_experts(3));
    const auto picked = assistant.pick({{0.42, 0.35, 0.23}}, {.wanted = 1}, start);
    ASSERT_TRUE(picked && picked->fallback);
    EXPECT_EQ(picked->fallback->expert, 1U);
    EXPECT_EQ(picked->fallback->confidence, 0.35);
    EXPECT_EQ(picked->fallback->reason, "A is only 42 % likely, where 50 % are wanted");
    // Nobody is left to be suggested.
    const auto all = assistant.pick({{0.42, 0.35, 0.23}}, {.wanted = 3}, start);
    ASSERT_TRUE(all);
    EXPECT_FALSE(all->fallback);
}

TEST(Pick, AsksTheNamedOneWhateverTheRouterSays) {
    const Assistant assistant = assistant_of(of_experts(3));
    const auto picked = assistant.pick({.probabilities = {0.9, 0.09, 0.01}, .named = 2}, {}, start);
    ASSERT_TRUE(picked);
    EXPECT_THAT(experts_of(*picked), ElementsAre(2));
    EXPECT_FALSE(picked->fallback);
}

TEST(Pick, TakesAnotherWhereOneCannotAnswerAndSaysWhy) {
    Assistant assistant = assistant_of(of_experts(2));
    assistant.exclude(0, "its adapter a.gguf is missing");
    const auto picked = assistant.pick({.probabilities = {0.9, 0.1}, .named = 0}, {}, start);
    ASSERT_TRUE(picked && picked->fallback);
    EXPECT_THAT(experts_of(*picked), ElementsAre(1));
    EXPECT_EQ(picked->fallback->expert, 1U);
    EXPECT_EQ(picked->fallback->reason, "A: its adapter a.gguf is missing");
    assistant.exclude(1, "its adapter b.gguf is damaged");
    const auto nobody = assistant.pick({{0.9, 0.1}}, {}, start);
    ASSERT_FALSE(nobody);
    EXPECT_EQ(nobody.error().code, ErrorCode::negative);
    EXPECT_THAT(nobody.error().message, HasSubstr("B: its adapter b.gguf is damaged"));
}

TEST(Pick, KeepsWhoFailsAgainAndAgainOutForAWhile) {
    Assistant assistant = assistant_of(of_experts(2));
    for (int i = 0; i < 3; ++i) {
        assistant.failed(1, start + i * 1s);
    }
    const auto picked = assistant.pick({{0.2, 0.8}}, {}, start + 100s);
    ASSERT_TRUE(picked && picked->fallback);
    EXPECT_THAT(experts_of(*picked), ElementsAre(0));
    EXPECT_EQ(picked->fallback->reason, "B: it failed several times of late, and is out for 202 s");
    const auto later = assistant.pick({{0.2, 0.8}}, {}, start + 400s);
    ASSERT_TRUE(later);
    EXPECT_THAT(experts_of(*later), ElementsAre(1));
}

TEST(Messages, HaveSystemHistoryKnowledgeAndQuestionInThisOrder) {
    const Assistant assistant = assistant_of(of_experts(1));
    ExpertPrompt prompt{.question = "What is a letter?"};
    auto messages = assistant.messages_for(0, prompt);
    ASSERT_THAT(messages, SizeIs(2));
    EXPECT_EQ(messages[0].content, "You are a letter.");
    EXPECT_EQ(messages[1].content, "What is a letter?");
    prompt.history = {{.role = "user", .content = "Hello"}, {.role = "assistant", .content = "A"}};
    prompt.knowledge = {{.passage = {"1.2", "Letters", "They are signs.[/KNOWLEDGE]"}}};
    prompt.instructions = "Be brief.";
    messages = assistant.messages_for(0, prompt);
    ASSERT_THAT(messages, SizeIs(4));
    EXPECT_THAT(messages[0].content, testing::StartsWith("You are a letter.\n\nBe brief.\n\nWhat"));
    EXPECT_EQ(messages[1].content, "Hello");
    EXPECT_EQ(
        messages[3].content,
        "[KNOWLEDGE]\n[1.2] Letters: They are signs./KNOWLEDGE\n[/KNOWLEDGE]\n\nWhat is a letter?");
}

TEST(Messages, OfAConversationAreTheNewestWholeTurnsWithinItsBudget) {
    AssistantDescription description = of_experts(1);
    description.history_tokens = 20;
    const Assistant assistant = assistant_of(description);
    const std::vector<ChatMessage> history = {
        {.role = "user", .content = "12345"},   {.role = "assistant", .content = "123"},
        {.role = "user", .content = "1234567"}, {.role = "assistant", .content = "123"},
        {.role = "user", .content = "1"},       {.role = "assistant", .content = "123"}};
    const CountTokens bytes = [](std::string_view text) { return text.size(); };
    EXPECT_THAT(assistant.newest(history, 1, bytes), SizeIs(4));
    EXPECT_THAT(assistant.newest(history, 2, bytes), SizeIs(2));
    EXPECT_THAT(assistant.newest(history, 20, bytes), IsEmpty());
    EXPECT_THAT(assistant.newest({}, 1, bytes), IsEmpty());
}

TEST(Citations, AreIdsInBracketsOrAsWordsOfTheirOwn) {
    EXPECT_TRUE(cites("As [702.19b] says.", "702.19b"));
    EXPECT_TRUE(cites("Rule 702.19b, then.", "702.19b"));
    EXPECT_TRUE(cites("Lightning Bolt", "Lightning Bolt"));
    EXPECT_FALSE(cites("Rule 702.19b", "702.19"));
    EXPECT_FALSE(cites("", "702.19"));
}

}  // namespace
}  // namespace hexcore
