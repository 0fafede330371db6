#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "hexcore/assistant/knowledge.hpp"
#include "hexcore/assistant/knowledge_import.hpp"
#include "support/temp_folder.hpp"

namespace hexcore::test {

/// Cards of our own in MTGJSON's form, by name.
inline const char* atomic_cards = R"({"meta": {"date": "2024-01-01", "version": "5"}, "data": {
 "Spark Jolt": [{"name": "Spark Jolt", "manaCost": "{R}", "type": "Instant",
   "text": "Spark Jolt deals 3 damage to any target.", "colors": ["R"], "manaValue": 1.0,
   "rulings": [{"date": "2020-01-01", "text": "The target may be a planeswalker of your own."},
               {"date": "2020-01-02", "text": "It is no creature."}]}],
 "Spark": [{"name": "Spark", "type": "Instant", "text": "Draw a card."}],
 "Flare": [{"name": "Flare", "type": "Instant", "text": "Flare the sky."}],
 "Opt In": [{"name": "Opt In", "type": "Sorcery", "text": "Scry 1."}],
 "Og": [{"name": "Og", "type": "Creature", "power": "2", "toughness": "2", "text": "Og eats."}],
 "Mira, Keeper of Tides": [{"name": "Mira, Keeper of Tides", "type": "Legendary Creature",
   "power": "1", "toughness": "4", "text": "Vigilance\nWhenever Mira attacks, draw a card."}],
 "Storm's Edge": [{"name": "Storm's Edge", "type": "Artifact", "text": "Equip {2}"}],
 "\u00c6ther Grip": [{"name": "\u00c6ther Grip", "type": "Instant", "text": "Tap it."}],
 "Dawn // Dusk": [
   {"name": "Dawn // Dusk", "faceName": "Dawn", "side": "a", "type": "Sorcery", "text": "Gain 3."},
   {"name": "Dawn // Dusk", "faceName": "Dusk", "side": "b", "type": "Sorcery", "text": "Lose 3."}]
}})";

/// Rules in the form of the game's, in words of our own.
inline const char* numbered_rules =
    "\xef\xbb\xbfRules of a game\r\n\r\nContents\r\n\r\n1. Ideas\r\n100. General\r\n"
    "702. Keyword Abilities\r\nGlossary\r\nCredits\r\n\r\n"
    "1. Ideas\r\n\r\n100. General\r\n\r\n100.1. This game is for two players or more.\r\n\r\n"
    "100.1a A game of two players is a duel.\r\n\r\n702. Keyword Abilities\r\n\r\n"
    "702.19. Rampage of Hooves\r\n\r\n"
    "702.19a Damage that a blocker does not need goes on to whom it attacks.\r\n\r\n"
    "702.19b The attacker says how its damage is divided among blockers.\r\n"
    "Example: A 5/5 is blocked by a 2/2. Three of the damage go on.\r\n\r\n"
    "702.190. Another Number\r\n\r\nGlossary\r\n\r\nDuel\r\nA game of two players. See 100.1a.\r\n"
    "\r\nMoat\r\nSomething that flyers do not mind.\r\n\r\nCredits\r\n\r\nNobody: all of it\r\n";

class KnowledgeFiles : public testing::Test {
protected:
    std::filesystem::path write(const std::string& name, const std::string& text) const {
        const std::filesystem::path path = folder_ / name;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path, std::ios::binary) << text;
        return path;
    }
    [[nodiscard]] Result<ImportedKnowledge> import(const std::filesystem::path& source) const {
        return import_knowledge({.source = source}, knowledge_);
    }
    [[nodiscard]] Result<ImportedKnowledge> import(const std::string& name,
                                                   const std::string& text) const {
        return import(write(name, text));
    }
    [[nodiscard]] Knowledge open() const {
        auto knowledge = Knowledge::open(knowledge_);
        EXPECT_TRUE(knowledge) << knowledge.error().message;
        return *std::move(knowledge);
    }
    /// The ids of what there is for a question.
    [[nodiscard]] std::vector<std::string> ids(const std::string& question,
                                               KnowledgeLimits limits = {}) const {
        const auto found = open().look_up(question, limits, about_tokens);
        EXPECT_TRUE(found) << found.error().message;
        std::vector<std::string> ids;
        for (const FoundPassage& one : found->passages) {
            ids.push_back(one.passage.id);
        }
        return ids;
    }
    [[nodiscard]] std::vector<std::string> files() const {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(knowledge_)) {
            names.push_back(entry.path().filename().string());
        }
        return names;
    }

    TempFolder folder_;
    std::filesystem::path knowledge_ = folder_ / "knowledge";
};

}  // namespace hexcore::test
