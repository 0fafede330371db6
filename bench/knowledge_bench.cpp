// What an assistant's knowledge costs: an import of 30,000 cards, and a look-up in them beside
// 3,000 rules, for questions as people ask them and as they could be. Words and names are made up,
// with the frequencies of a language (Zipf's law).

#include <benchmark/benchmark.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "hexcore/assistant/knowledge.hpp"
#include "hexcore/assistant/knowledge_import.hpp"
#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

class Words {
public:
    /// The common ones often, from 3,000.
    std::string word() {
        const double share = next();
        return spelled(static_cast<std::size_t>(std::pow(3000.0, share)) - 1);
    }
    /// Any of 20,000.
    std::string name() {
        std::string name = spelled(3000 + static_cast<std::size_t>(next() * 20'000));
        name[0] = static_cast<char>(name[0] - 'a' + 'A');
        return name;
    }
    std::string text(int words) {
        std::string text = word();
        for (int i = 1; i < words; ++i) {
            text.append(i % 12 == 0 ? ". " : " ").append(word());
        }
        return text + ".";
    }

private:
    double next() {
        state_ = state_ * 6364136223846793005U + 1442695040888963407U;
        return static_cast<double>(state_ >> 11U) / 9007199254740992.0;
    }
    static std::string spelled(std::size_t number) {
        std::string word;
        for (number += 40; number > 0; number /= 60) {
            word += "bdfgklmnprst"[number % 12];
            word += "aeiou"[number / 12 % 5];
        }
        return word;
    }
    std::uint64_t state_ = 7;
};

struct Known {
    Known() {
        Words words;
        nlohmann::ordered_json data;
        for (int card = 0; card < 30'000; ++card) {
            std::string name = words.name();
            for (int more = 0; more < card % 4; ++more) {
                name.append(more == 1 ? " of " : " ").append(words.name());
            }
            nlohmann::ordered_json rulings;
            for (int ruling = 0; ruling < card % 5; ++ruling) {
                rulings.push_back({{"date", "2020-01-01"}, {"text", words.text(30)}});
            }
            data[name] = {{{"name", name},
                           {"type", "Creature"},
                           {"text", words.text(30)},
                           {"legalities", {{"modern", "Legal"}, {"legacy", "Legal"}}},
                           {"rulings", std::move(rulings)}}};
        }
        std::ofstream(cards) << nlohmann::ordered_json{{"data", std::move(data)}};
        std::ofstream text(rules);
        for (int rule = 0; rule < 3000; ++rule) {
            text << 100 + rule / 20 << '.' << 1 + rule % 20 << ". " << words.text(45) << "\n\n";
        }
        question = words.name() + " of " + words.name();
        for (int word = 0; word < 20; ++word) {
            question.append(" ").append(words.word());
        }
    }

    test::TempFolder folder;
    std::filesystem::path cards = folder / "cards.json";
    std::filesystem::path rules = folder / "rules.txt";
    std::filesystem::path knowledge = folder / "knowledge";
    std::string question;
};

const Known& known() {
    static const Known known;
    return known;
}

void import_of(benchmark::State& state, const std::filesystem::path& source) {
    for ([[maybe_unused]] auto step : state) {
        const auto imported = import_knowledge({.source = source}, known().knowledge);
        if (!imported) {
            state.SkipWithError(imported.error().message.c_str());
        }
    }
}

void import_cards_30000(benchmark::State& state) { import_of(state, known().cards); }
void import_rules_3000(benchmark::State& state) { import_of(state, known().rules); }

void look_up(benchmark::State& state, const std::string& question) {
    const auto knowledge = Knowledge::open(known().knowledge);
    for ([[maybe_unused]] auto step : state) {
        const auto found = knowledge->look_up(question, {}, about_tokens);
        benchmark::DoNotOptimize(found->tokens);
    }
}

void look_up_question(benchmark::State& state) { look_up(state, known().question + " 120.3?"); }
void look_up_without_a_name(benchmark::State& state) {
    look_up(state, known().question.substr(known().question.find(' ', 40)));
}
void look_up_longest(benchmark::State& state) {
    std::string question;
    while (question.size() < 65'536) {
        question += known().question + " 120.3? ";
    }
    look_up(state, question);
}

BENCHMARK(import_cards_30000)->Unit(benchmark::kMillisecond)->Iterations(1);
BENCHMARK(import_rules_3000)->Unit(benchmark::kMillisecond)->Iterations(1);
BENCHMARK(look_up_question)->Unit(benchmark::kMillisecond);
BENCHMARK(look_up_without_a_name)->Unit(benchmark::kMillisecond);
BENCHMARK(look_up_longest)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace hexcore

BENCHMARK_MAIN();
