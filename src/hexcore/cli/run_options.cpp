#include "hexcore/cli/run_options.hpp"

#include "hexcore/cli/option_value.hpp"
#include "hexcore/cli/plan_source.hpp"
#include "hexcore/cli/terminal.hpp"

namespace hexcore {
namespace {

void add_sampling(CLI::App& command, SamplingOptions& sampling) {
    command
        .add_option("--repeat-penalty", sampling.repeat_penalty,
                    "divides the logits of tokens that were there; 1: none")
        ->check(number_between(1e-6, 1e6))
        ->option_text("F");
    command
        .add_option("--repeat-last-n", sampling.repeat_last_n, "tokens that penalties look back")
        ->check(CLI::Range(0, 1 << 30))
        ->option_text("N");
    command
        .add_option("--frequency-penalty", sampling.frequency_penalty,
                    "off a token's logit for each time that it was there")
        ->check(number_between(-1e6, 1e6))
        ->option_text("F");
    command
        .add_option("--presence-penalty", sampling.presence_penalty,
                    "off the logit of a token that was there")
        ->check(number_between(-1e6, 1e6))
        ->option_text("F");
    command.add_option("--typical", sampling.typical_p, "locally typical sampling; 1: all")
        ->check(number_between(0, 1))
        ->option_text("P");
    command
        .add_option("--xtc-probability", sampling.xtc_probability,
                    "how often all but the last of the best tokens are left out; 0: never")
        ->check(number_between(0, 1))
        ->option_text("P");
    command
        .add_option("--xtc-threshold", sampling.xtc_threshold,
                    "what counts as one of the best there")
        ->check(number_between(0, 1))
        ->option_text("P");
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
    planning.add_on_full_to(command);
    add_keep(command, keep);
    auto* text = command
                     .add_option("-p,--prompt", prompt,
                                 "a question, put in the model's chat template if it has one")
                     ->option_text("TEXT");
    command.add_option("-f,--file", prompt_file, "a file with the question; -: stdin")
        ->excludes(text)
        ->option_text("FILE");
    command.add_option("-n", max_tokens, "tokens to generate, at most (default: -1, no limit)")
        ->transform(count_or_unlimited(0))
        ->option_text("N");
    command.add_flag("--raw", raw, "the prompt is a text to go on with, and no question");
    command.add_option("--system", system, "what the model is told before all else")
        ->option_text("TEXT");
    command
        .add_option("--session", session_file,
                    "goes on with the conversation in FILE, if it is there, and keeps it there")
        ->option_text("FILE");
    command.add_flag("--exact", exact,
                     "the bits of an answer depend on nothing but its conversation");
    add_plan_file(command, plan_file);
    add_threads(command, threads);
    add_sampling(command, sampling);
    command
        .add_option("--format", format,
                    "text, json, or jsonl: a line for each part of the text, then the document")
        ->check(CLI::IsMember({"text", "json", "jsonl"}))
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
    if (format != "text" && !prompt) {
        return fail(ErrorCode::usage, "--format {} needs a prompt: -p TEXT or --file FILE", format);
    }
    if (raw && !prompt) {
        return fail(ErrorCode::usage, "--raw needs a prompt: -p TEXT or --file FILE");
    }
    if (raw && !system.empty()) {
        return fail(ErrorCode::usage,
                    "--system is for questions, and --raw says that the prompt is none");
    }
    return {};
}

}  // namespace hexcore
