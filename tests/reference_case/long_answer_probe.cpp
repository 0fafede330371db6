// One answer of several windows through the engine, in a session that slides; the tokens that would
// end it are forbidden. Prints one JSON object: for each window of generated tokens its text, the
// tokens, the negative natural logarithm of the chance that the model gave each of them, and the
// CPU time that they took.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <ctime>
#include <limits>
#include <nlohmann/json.hpp>

#include "hexcore/api/planned_model.hpp"
#include "hexcore/session/engine.hpp"

namespace hexcore {
namespace {

struct Options {
    PlanningOptions planning;
    std::string prompt;
    std::uint32_t context = 256;
    std::uint32_t windows = 4;
    std::uint32_t seed = 1;
};

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

std::vector<LogitBias> no_end(const Tokenizer& tokenizer) {
    std::vector<LogitBias> biases;
    for (std::uint32_t i = 0; i < tokenizer.vocabulary_size(); ++i) {
        const auto token = static_cast<Token>(i);
        if (tokenizer.ends_answer(token)) {
            biases.push_back({token, -std::numeric_limits<float>::infinity()});
        }
    }
    return biases;
}

Result<nlohmann::json> answer(const Options& options) {
    PlanningOptions planning = options.planning;
    planning.reserve = 8_MiB;
    planning.context = TokenCount(options.context);
    planning.computing = {.shift = KeyShift::planned};
    HEXCORE_TRY(planned, PlannedModel::make(planning));
    HEXCORE_TRY(model, planned.load());
    Engine engine(model);
    HEXCORE_TRY(session, engine.open({.on_full = OnFull::slide, .keep = 4}));

    Request request;
    request.text = options.prompt;
    request.max_tokens = options.windows * options.context;
    // A model of this size says the same again and again where nothing keeps it from that.
    request.sampling.temperature = 1;
    request.sampling.repeat_penalty = 1.1F;
    request.sampling.repeat_last_n = static_cast<std::int32_t>(options.context);
    request.sampling.seed = options.seed;
    request.biases = no_end(engine.tokenizer());
    request.chances = 0;
    auto windows = nlohmann::json::array();
    double before = cpu_seconds();
    const auto begin_window = [&] {
        const auto none = nlohmann::json::array();
        windows.push_back({{"text", ""}, {"tokens", none}, {"surprises", none}});
        before = cpu_seconds();
    };
    request.on_piece = [&](const AnswerPiece& piece) {
        if (windows.empty() || windows.back()["tokens"].size() >= options.context) {
            begin_window();
        }
        auto& window = windows.back();
        window["text"] = window["text"].get<std::string>() + std::string(piece.text);
        for (const GeneratedToken& token : piece.tokens) {
            window["tokens"].push_back(token.token);
            window["surprises"].push_back(-token.chances->chosen.log_probability);
        }
        window["cpu_s"] = cpu_seconds() - before;
    };
    HEXCORE_TRY(given, engine.answer(session, std::move(request)));
    return nlohmann::json{{"windows", std::move(windows)},
                          {"generated", given.generated_tokens},
                          {"shifts", given.cache.counts.shifts}};
}

}  // namespace
}  // namespace hexcore

int main(int argc, char** argv) {
    using namespace hexcore;
    CLI::App program("generates a long answer in a session that slides");
    Options options;
    program.add_option("model", options.planning.model)->required();
    program.add_option("--device", options.planning.devices)->expected(1)->take_all();
    program.add_option("--prompt", options.prompt)->required();
    program.add_option("--seed", options.seed);
    CLI11_PARSE(program, argc, argv);
    const auto answered = answer(options);
    if (!answered) {
        std::fprintf(stderr, "%s\n", answered.error().message.c_str());
        return static_cast<int>(answered.error().code);
    }
    std::printf("%s\n",
                answered->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    return 0;
}
