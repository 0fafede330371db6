#include "hexcore/assistant/knowledge.hpp"

#include <gmock/gmock.h>

#include "assistant/knowledge_files.hpp"

namespace hexcore {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class KnownCards : public test::KnowledgeFiles {
protected:
    void SetUp() override {
        const auto imported = import("cards.json", test::atomic_cards);
        ASSERT_TRUE(imported) << imported.error().message;
    }
    /// Cards alone: nothing by relevance.
    [[nodiscard]] std::vector<std::string> cards(const std::string& question) const {
        return ids(question, {.passages = 0});
    }
};

TEST_F(KnownCards, AreFoundByTheLongestName) {
    EXPECT_THAT(cards("What does Spark Jolt do?"), ElementsAre("Spark Jolt"));
    EXPECT_THAT(cards("Spark Jolt or spark?"), ElementsAre("Spark Jolt", "Spark"));
    EXPECT_THAT(cards("spark  jolt's target"), ElementsAre("Spark Jolt"));
    EXPECT_THAT(cards("two Spark Jolts in hand"), ElementsAre("Spark Jolt"));
    EXPECT_THAT(cards("storm\u2019s edge, or aether grip"),
                ElementsAre("\u00c6ther Grip", "Storm's Edge"));
}

TEST_F(KnownCards, OfAmbiguousNamesNeedThemAsWholeWordsInTheirCapitals) {
    EXPECT_THAT(cards("sparks sparkle, sparked"), ElementsAre("Spark"));  // a plural
    EXPECT_THAT(cards("sparkle and sparked"), IsEmpty());
    EXPECT_THAT(cards("an og eats"), IsEmpty());
    EXPECT_THAT(cards("my Og eats"), ElementsAre("Og"));
    EXPECT_THAT(cards("Ogre"), IsEmpty());
    EXPECT_THAT(cards("If I opt in now"), ElementsAre("Opt In"));
}

TEST_F(KnownCards, AreFoundByFacesAndShortNames) {
    EXPECT_THAT(cards("Is Dawn // Dusk good?"), ElementsAre("Dawn // Dusk/a", "Dawn // Dusk/b"));
    EXPECT_THAT(cards("Is Dusk good?"), ElementsAre("Dawn // Dusk/b"));
    EXPECT_THAT(cards("When Mira attacks"), ElementsAre("Mira, Keeper of Tides"));
    EXPECT_THAT(cards("when mira attacks"), IsEmpty());
    EXPECT_THAT(cards("mira keeper of tides"), ElementsAre("Mira, Keeper of Tides"));
}

TEST_F(KnownCards, BringTheRulingsThatTheQuestionIsAbout) {
    EXPECT_THAT(cards("Can Spark Jolt target a planeswalker?"),
                ElementsAre("Spark Jolt", "Spark Jolt ruling 1"));
}

TEST_F(KnownCards, AreAtMostSoMany) {
    EXPECT_THAT(ids("Spark Jolt, Flare, Dusk, Opt In", {.cards = 2, .passages = 0}), SizeIs(2));
}

TEST_F(KnownCards, AreFoundByRelevanceWhereNoneIsNamed) {
    EXPECT_THAT(ids("which one equips?"), Contains("Storm's Edge"));
}

/// Words that many cards use are no names where they might be words.
TEST_F(KnownCards, WithNamesOfOrdinaryWordsNeedCapitalsWithinASentence) {
    std::string cards = R"({"data": {"Glimmer": [{"name": "Glimmer", "type": "Instant"}])";
    for (int i = 0; i < 8; ++i) {
        const std::string name = "Lamp " + std::to_string(i);
        cards += ", \"" + name + R"(": [{"name": ")" + name +
                 R"(", "type": "Artifact", "text": "This has glimmer."}])";
    }
    ASSERT_TRUE(import("more.json", cards + "}}"));
    const KnowledgeLimits named{.passages = 0};
    EXPECT_THAT(ids("does it glimmer?", named), IsEmpty());
    EXPECT_THAT(ids("Glimmer is what?", named), IsEmpty());
    EXPECT_THAT(ids("I cast Glimmer", named), ElementsAre("Glimmer"));
    EXPECT_THAT(ids("[Glimmer] is what?", named), ElementsAre("Glimmer"));
}

class KnownRules : public test::KnowledgeFiles {
protected:
    void SetUp() override {
        const auto imported = import("rules.txt", test::numbered_rules);
        ASSERT_TRUE(imported) << imported.error().message;
        EXPECT_EQ(imported->kind, KnowledgeKind::rules);
    }
    [[nodiscard]] std::vector<std::string> numbered(const std::string& question) const {
        return ids(question, {.passages = 0});
    }
};

TEST_F(KnownRules, AreFoundByTheirNumbersWithWhatIsBelowThem) {
    EXPECT_THAT(numbered("What does 702.19b say?"), ElementsAre("702.19b"));
    EXPECT_THAT(numbered("And 702.19?"), ElementsAre("702.19", "702.19a", "702.19b"));
    EXPECT_THAT(numbered("rule 100 please"), ElementsAre("100.1", "100.1a"));
    EXPECT_THAT(numbered("I have 100 life and 702 cards, 1702.19b"), IsEmpty());
    EXPECT_THAT(numbered("9.99 and 702.19z"), IsEmpty());
}

TEST_F(KnownRules, AreFoundByRelevanceToo) {
    EXPECT_THAT(ids("How is damage divided among several blockers?"), Contains("702.19b"));
    EXPECT_THAT(ids("what is a duel"), Contains("glossary: Duel"));
    EXPECT_THAT(ids("is nobody credited?"), IsEmpty());
}

TEST_F(KnownRules, HaveTheirHeadingsAndExamples) {
    const auto found = open().look_up("702.19b", {.passages = 0}, about_tokens);
    ASSERT_TRUE(found && found->passages.size() == 1);
    EXPECT_EQ(knowledge_text(found->passages),
              "[702.19b] Keyword Abilities, Rampage of Hooves: The attacker says how its damage is "
              "divided among blockers. Example: A 5/5 is blocked by a 2/2. Three of the damage go "
              "on.\n");
}

TEST_F(KnownRules, KeepToTheBudgetToTheToken) {
    ASSERT_TRUE(import("cards.json", test::atomic_cards));
    const Knowledge knowledge = open();
    const std::string question =
        "Does the damage of Spark Jolt by 702.19b go on to players that blockers attack?";
    const auto bytes = [](std::string_view text) -> std::uint64_t { return text.size(); };
    for (std::uint32_t budget = 0; budget < 700; budget += 7) {
        const auto found = knowledge.look_up(question, {.budget_tokens = budget}, bytes);
        ASSERT_TRUE(found);
        EXPECT_LE(found->tokens, budget);
        EXPECT_EQ(found->tokens, knowledge_text(found->passages).size());
    }
    const auto cut = knowledge.look_up("702.19b", {.budget_tokens = 120}, bytes);
    ASSERT_TRUE(cut && cut->passages.size() == 1);
    EXPECT_TRUE(cut->passages[0].is_cut);
    EXPECT_THAT(cut->passages[0].passage.body, testing::EndsWith("among blockers."));
}

TEST_F(KnownRules, AreLookedUpForAnyQuestion) {
    ASSERT_TRUE(import("cards.json", test::atomic_cards));
    const Knowledge knowledge = open();
    for (const std::string& question :
         {std::string(), std::string("\""), std::string("\"duel"), std::string("NEAR(duel 702.19)"),
          std::string("duel* AND (body : \"x\") OR NOT ^damage"), std::string("{duel} + - : ^ *"),
          std::string("duel\0 damage", 12), std::string("\xff\xfe duel \xc3"), std::string("'"),
          std::string("Spark Jolt' OR 1=1; DROP TABLE passage; --"), std::string(100, '"'),
          std::string(1'000'000, 'a'), std::string("\xf0\x9f\x94\xa5"), std::string("MTG?"),
          std::string("702.19b702.19b 702..19 .702. 702.")}) {
        const auto found = knowledge.look_up(question, {}, about_tokens);
        EXPECT_TRUE(found) << found.error().message;
    }
    std::string many;
    for (int i = 0; i < 100'000; ++i) {
        many += "damage Spark Jolt 702.19b ";
    }
    EXPECT_TRUE(knowledge.look_up(many, {}, about_tokens));
}

TEST_F(KnownRules, ThatAreDamagedAreBadInput) {
    const std::filesystem::path file = knowledge_ / "rules.sqlite";
    const auto size = static_cast<std::streamoff>(std::filesystem::file_size(file));
    {
        std::fstream damaged(file, std::ios::in | std::ios::out | std::ios::binary);
        damaged.seekp(4096);
        damaged << std::string(static_cast<std::size_t>(size) - 4096, '\xff');
    }
    const auto opened = Knowledge::open(knowledge_);
    const auto found =
        opened ? opened->look_up("duel 702.19", {}, about_tokens) : tl::unexpected(opened.error());
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, ErrorCode::bad_input);
    EXPECT_THAT(found.error().message, HasSubstr("import it again"));
    std::ofstream(file, std::ios::binary) << "no database";
    EXPECT_EQ(Knowledge::open(knowledge_).error().code, ErrorCode::bad_input);
}

class KnownTexts : public test::KnowledgeFiles {};

TEST_F(KnownTexts, AreCitedByFileAndNumberWithTheirHeadings) {
    write("notes/a.md", "# Combat\n\nSome about walls.\n\n## Tricks\n\nSave your tricks.\n");
    write("notes/deep/b.txt", "Counting outs: multiply by two.\n");
    write("notes/.hidden/c.txt", "secret");
    write("notes/picture.png", "walls");
    const auto imported = import(folder_ / "notes");
    ASSERT_TRUE(imported) << imported.error().message;
    EXPECT_EQ(imported->passages, 3U);
    const auto found = open().look_up("When do I use tricks?", {}, about_tokens);
    ASSERT_TRUE(found && found->passages.size() == 1);
    EXPECT_EQ(knowledge_text(found->passages), "[a.md#2] Combat, Tricks: Save your tricks.\n");
    EXPECT_THAT(ids("counting outs"), ElementsAre("deep/b.txt#1"));
    EXPECT_THAT(ids("secret"), IsEmpty());
}

TEST_F(KnownTexts, OfSeveralPlacesStayBesideEachOther) {
    ASSERT_TRUE(import("one.txt", "Walls are useful."));
    ASSERT_TRUE(import("two.txt", "Walls are slow."));
    ASSERT_TRUE(import("one.txt", "Walls are good."));
    EXPECT_THAT(files(), SizeIs(2));
    EXPECT_THAT(ids("walls?"), testing::UnorderedElementsAre("one.txt#1", "two.txt#1"));
    const auto gone = forget_knowledge(knowledge_, KnowledgeKind::texts);
    EXPECT_EQ(gone.value_or(0), 2U);
    EXPECT_TRUE(open().is_empty());
}

}  // namespace
}  // namespace hexcore
