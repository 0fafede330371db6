// What an answer of several experts takes beside one expert's: prompts of experts who differ by
// what they are told, and adapters that are merged, over one loaded model, in the same breath.
// Prints one JSON object: of each way, [round] of {"prompt_ms", "token_ms", "score_ms",
// "total_ms"}. bench/experts.py makes ratios.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "hexcore/api/planned_model.hpp"
#include "hexcore/assistant/experts_answer.hpp"
#include "hexcore/model/merged_adapter.hpp"
#include "hexcore/session/adapter_contexts.hpp"
#include "llama.h"
#include "probe.hpp"

namespace hexcore {
namespace {

constexpr std::uint32_t experts_most = 4;

struct Options {
    PlanningOptions planning;
    std::string reserve = "8MiB";
    std::vector<std::string> adapters;
    std::vector<std::string> only;
    std::uint32_t generate = 48;
    std::uint32_t rounds = 5;
    int threads = 0;
};

/// A way of answering, how many take part, and how many adapters are merged for it.
struct Way {
    const char* name;
    Combination how;
    std::size_t experts;
    std::size_t adapters = 0;
};

constexpr std::array ways{
    Way{"one", Combination::choose, 1},       Way{"choose_2", Combination::choose, 2},
    Way{"choose_4", Combination::choose, 4},  Way{"merge_1", Combination::merge, 1, 1},
    Way{"merge_2", Combination::merge, 1, 2}, Way{"merge_4", Combination::merge, 1, 4},
    Way{"blend_2", Combination::blend, 2},    Way{"blend_4", Combination::blend, 4},
    Way{"attend_2", Combination::attend, 2},  Way{"attend_4", Combination::attend, 4}};
constexpr std::array told{
    "Reason about the rules of the game step by step, and name each rule that matters.",
    "Explain it to somebody who has just learned the game, in plain words and without haste.",
    "Say what is likely to happen next, and what each player had better do about it.",
    "Look back at what has happened, and say which decision was the one that mattered."};
static_assert(told.size() == experts_most);

class Probe {
public:
    Probe(const PlannedModel& planned, LoadedModel& model, const Options& options)
        : planned_(planned), model_(model), contexts_(model), options_(options) {
        const Tokenizer tokenizer(model);
        for (Token token = 0; static_cast<std::uint32_t>(token) < tokenizer.vocabulary_size();
             ++token) {
            if (tokenizer.ends_answer(token)) {
                never_.push_back({token, -1e4F});  // every answer has the same length
            }
        }
    }

    Result<nlohmann::ordered_json> answer(const Way& way, std::uint32_t round) {
        HEXCORE_TRY(adapters, merged(way.adapters));
        // Adapters come in before the clock starts.
        HEXCORE_TRY(engine, contexts_.engine_for(adapters));
        std::vector<std::unique_ptr<Session>> sessions;
        const SessionFor session_for = [&](const Request&) -> Result<Session*> {
            HEXCORE_TRY(session, engine->open());
            sessions.push_back(std::make_unique<Session>(std::move(session)));
            return sessions.back().get();
        };
        ExpertsQuestion question{.how = way.how};
        for (std::size_t i = 0; i < way.experts; ++i) {
            ExpertPart part{.session_for = session_for};
            part.request = request(std::string(told[i]) + " ", round);
            question.parts.push_back(std::move(part));
        }
        BasePart base{.session_for = session_for};
        base.request = request("", round);
        question.base = std::move(base);
        question.centres = centres(way.experts);
        std::optional<Result<ExpertsEnd>> end;
        question.on_end = [&](Result<ExpertsEnd> ended) { end = std::move(ended); };
        {
            const ExpertsAnswer under_way(std::move(question));
            while (!end) {
                (void)engine->turn();
            }
        }
        if (!*end) {
            return tl::unexpected((*end).error());
        }
        const ExpertsEnd& known = **end;
        const double answers =
            way.how == Combination::choose ? static_cast<double>(way.experts) : 1;
        const double tokens = known.answer.generated_tokens / answers;
        return nlohmann::ordered_json{
            {"prompt_ms", known.prompt_ms},
            {"token_ms", known.generate_ms / (tokens - 1)},
            {"score_ms", known.score_ms},
            {"total_ms", known.prompt_ms + known.generate_ms + known.score_ms},
            {"tokens", tokens}};
    }

private:
    /// The first of the adapters, with equal weights.
    [[nodiscard]] Result<std::vector<ChosenAdapter>> merged(std::size_t count) const {
        std::vector<std::vector<ChosenAdapter>> sets;
        for (std::size_t i = 0; i < count; ++i) {
            HEXCORE_TRY(set, planned_.set(i));
            sets.push_back(std::move(set));
        }
        const double each = 1 / static_cast<double>(count);
        return count == 0 ? std::vector<ChosenAdapter>()
                          : merged_adapters(sets, std::vector(count, each));
    }
    [[nodiscard]] Request request(const std::string& said, std::uint32_t round) const {
        Request request;
        request.kind = PromptKind::whole;
        request.text = said +
                       "A player attacks with two creatures, and the defending player, who "
                       "has one untapped creature and four lands, thinks about a block. What "
                       "happens when both creatures have the same power? The answer: it is";
        request.max_tokens = options_.generate;
        request.sampling.seed = round + 1;
        request.biases = never_;
        return request;
    }
    [[nodiscard]] AttendedCentres centres(std::size_t experts) const {
        AttendedCentres centres;
        const auto n_embd = static_cast<std::size_t>(llama_model_n_embd_out(&model_.model()));
        for (std::size_t i = 0; i < experts_most; ++i) {
            centres.all.emplace_back(n_embd);
            centres.all.back()[i] = 1;
        }
        for (std::size_t i = 0; i < experts; ++i) {
            centres.taking_part.push_back(i);
        }
        return centres;
    }

    const PlannedModel& planned_;
    LoadedModel& model_;
    AdapterContexts contexts_;
    const Options& options_;
    std::vector<LogitBias> never_;
};

bool is_wanted(const Way& way, const Options& options) {
    return options.only.empty() || std::ranges::count(options.only, way.name) > 0;
}

Result<nlohmann::ordered_json> measure(const Options& options) {
    PlanningOptions planning = options.planning;
    HEXCORE_TRY(reserve, parse_bytes(options.reserve));
    planning.reserve = reserve;
    planning.sequences = experts_most + 1;
    planning.context = TokenCount(256 * planning.sequences);
    planning.computing.threads = options.threads;
    planning.computing.states = true;
    for (const std::string& adapter : options.adapters) {
        planning.more_adapters.push_back({{.path = adapter}});
    }
    planning.resident.sets = 1;  // one, or a merge of them
    planning.merging = static_cast<std::uint32_t>(options.adapters.size());
    HEXCORE_TRY(planned, PlannedModel::make(planning));
    HEXCORE_TRY(model, planned.load());
    Probe probe(planned, model, options);
    nlohmann::ordered_json figures;
    // The first round warms up.
    for (std::uint32_t round = 0; round <= options.rounds; ++round) {
        for (std::size_t i = 0; i < ways.size(); ++i) {
            const Way& way = ways[(i + round) % ways.size()];  // none is always the first
            if (way.adapters > options.adapters.size() || !is_wanted(way, options)) {
                continue;
            }
            HEXCORE_TRY(took, probe.answer(way, round));
            if (round > 0) {
                figures[way.name].push_back(std::move(took));
            }
        }
    }
    return figures;
}

}  // namespace
}  // namespace hexcore

int main(int argc, char** argv) {
    using namespace hexcore;
    CLI::App program("answers with one expert and with several");
    Options options;
    program.add_option("model", options.planning.model)->required();
    program.add_option("--device", options.planning.devices)->expected(1)->take_all();
    program.add_option("--reserve", options.reserve);
    program.add_option("--adapter", options.adapters)->expected(1)->take_all();
    program.add_option("--only", options.only)->expected(1)->take_all();
    program.add_option("--generate", options.generate)->check(CLI::Range(2, 128));
    program.add_option("--rounds", options.rounds)->check(CLI::Range(1, 1000));
    program.add_option("--threads", options.threads);
    CLI11_PARSE(program, argc, argv);
    return print_figures(measure(options));
}
