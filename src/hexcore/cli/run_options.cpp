#include "hexcore/cli/run_options.hpp"

#include "hexcore/cli/option_value.hpp"
#include "hexcore/cli/plan_source.hpp"
#include "hexcore/cli/terminal.hpp"

namespace hexcore {
namespace {

void add_sampling(CLI::App& command, SamplingOptions& sampling) {
    command.add_option("--temp", sampling.temperature, "temperature; 0: the most likely token")
        ->check(number_between(0, 100))
        ->option_text("T");
    command.add_option("--top-k", sampling.top_k, "choose among the K most likely; 0: all")
        ->check(CLI::Range(0, 1 << 30))
        ->option_text("K");
    command.add_option("--top-p", sampling.top_p, "choose among tokens of this total probability")
        ->check(number_between(0, 1))
        ->option_text("P");
    command.add_option("--min-p", sampling.min_p, "leave out tokens below this part of the best")
        ->check(number_between(0, 1))
        ->option_text("P");
    command
        .add_option("-s,--seed", sampling.seed,
                    "of the choice; the same seed, the same text (default: -1, another one each "
                    "time)")
        ->transform(seed_or_random(SamplingOptions{}.seed))
        ->option_text("S");
}

}  // namespace

void RunOptions::add_to(CLI::App& command) {
    planning.add_to(command, true);
    planning.add_loading_to(command);
    auto* text = command.add_option("-p,--prompt", prompt, "text to continue")->option_text("TEXT");
    command.add_option("-f,--file", prompt_file, "a file with the text to continue; -: stdin")
        ->excludes(text)
        ->option_text("FILE");
    command.add_option("-n", max_tokens, "tokens to generate, at most (default: -1, no limit)")
        ->transform(count_or_unlimited(0))
        ->option_text("N");
    add_plan_file(command, plan_file);
    command
        .add_option("-t,--threads", threads,
                    "threads to compute with (default: one for each core within the CPU quota)")
        ->check(CLI::Range(1, 512))
        ->option_text("N");
    add_sampling(command, sampling);
    command.add_option("--format", format, "text or json")
        ->check(CLI::IsMember({"text", "json"}))
        ->option_text("NAME");
    command.add_flag("-v,--verbose,--report", verbose,
                     "behind the answer, the whole table of what was planned, accounted and "
                     "measured");
}

Result<void> RunOptions::settle_prompt(const std::atomic<bool>* stop) {
    if (prompt_file == "-" && plan_file == "-") {
        return fail(ErrorCode::usage,
                    "--plan - and --file - cannot both be standard input; name a file for one");
    }
    if (!prompt_file.empty()) {
        HEXCORE_TRY(text, read_file(prompt_file, stop));
        prompt = std::move(text);
    }
    if (prompt && prompt->empty()) {
        return fail(ErrorCode::usage, "the prompt is empty; give -p TEXT or --file FILE");
    }
    if (format == "json" && !prompt) {
        return fail(ErrorCode::usage, "--format json needs a prompt: -p TEXT or --file FILE");
    }
    return {};
}

}  // namespace hexcore
