// Times a prompt and single tokens through a plan, in the way llama-bench does: random tokens, a
// fresh KV cache for each repetition, one untimed run of each first, no sampling. Prints one JSON
// object of tokens per second, one number for each repetition. bench/decode.py runs it beside
// llama-bench.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "hexcore/api/planned_model.hpp"
#include "hexcore/runtime/verify.hpp"
#include "llama.h"
#include "probe.hpp"

namespace hexcore {
namespace {

struct Options {
    PlanningOptions planning;
    std::string reserve = "1MiB";
    std::string policy = "balanced";
    std::uint32_t context = 0;
    std::uint32_t ubatch = 512;
    int threads = 0;
    int repetitions = 1;
    std::uint32_t prompt = 512;
    std::uint32_t generate = 64;
    std::uint32_t depth = 0;  ///< tokens that are in the cache already, as llama-bench's -d
};

bool decode(llama_context& context, std::vector<llama_token>& tokens, std::size_t batch) {
    for (std::size_t done = 0; done < tokens.size(); done += batch) {
        const std::size_t count = std::min(batch, tokens.size() - done);
        if (llama_decode(&context, llama_batch_get_one(tokens.data() + done,
                                                       static_cast<std::int32_t>(count))) != 0) {
            return false;
        }
        llama_synchronize(&context);
    }
    return true;
}

/// Tokens a second for `count` tokens, `batch` at a time, after `depth` that are not timed; 0 where
/// it failed.
double rate(LoadedModel& session, std::uint32_t count, std::size_t batch, const Options& options) {
    llama_memory_clear(llama_get_memory(&session.context()), true);
    std::vector<llama_token> before = random_tokens(session.vocab(), options.depth, 2);
    if (!decode(session.context(), before, options.ubatch)) {
        return 0;
    }
    std::vector<llama_token> tokens = random_tokens(session.vocab(), count, 1);
    const auto start = std::chrono::steady_clock::now();
    const bool worked = decode(session.context(), tokens, batch);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    return worked ? count / seconds.count() : 0;
}

Result<nlohmann::json> measure(const Options& options) {
    PlanningOptions planning = options.planning;
    HEXCORE_TRY(reserve, parse_bytes(options.reserve));
    HEXCORE_TRY(policy, parse_policy(options.policy));
    planning.reserve = reserve;
    planning.policy = policy;
    planning.context = TokenCount(options.context);
    planning.ubatch = TokenCount(options.ubatch);
    planning.computing = {.outputs = 1, .threads = options.threads};
    HEXCORE_TRY(planned, PlannedModel::make(planning));
    HEXCORE_TRY(session, planned.load());
    const std::size_t batch = options.ubatch;
    nlohmann::json figures = {{"prompt_tokens_per_s", nlohmann::json::array()},
                              {"decode_tokens_per_s", nlohmann::json::array()}};
    (void)rate(session, options.prompt, batch, options);
    (void)rate(session, 1, 1, options);
    for (int i = 0; i < options.repetitions; ++i) {
        figures["prompt_tokens_per_s"].push_back(rate(session, options.prompt, batch, options));
        figures["decode_tokens_per_s"].push_back(rate(session, options.generate, 1, options));
    }
    return figures;
}

}  // namespace
}  // namespace hexcore

int main(int argc, char** argv) {
    using namespace hexcore;
    CLI::App program("times a prompt and single tokens through a plan");
    Options options;
    program.add_option("model", options.planning.model)->required();
    program.add_option("--device", options.planning.devices)->expected(1)->take_all();
    program.add_option("--reserve", options.reserve);
    program.add_option("--policy", options.policy);
    program.add_option("--ctx", options.context);
    program.add_option("--ubatch", options.ubatch);
    program.add_option("--threads", options.threads);
    program.add_option("--repetitions", options.repetitions);
    program.add_option("--prompt", options.prompt);
    program.add_option("--generate", options.generate);
    program.add_option("--depth", options.depth);
    CLI11_PARSE(program, argc, argv);
    return print_figures(measure(options));
}
