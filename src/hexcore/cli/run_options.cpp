#include "hexcore/cli/run_options.hpp"

#include "hexcore/cli/option_value.hpp"
#include "hexcore/cli/plan_source.hpp"
#include "hexcore/cli/sampling_flags.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/session/session_file.hpp"

namespace hexcore {

void RunOptions::add_to(CLI::App& command) {
    planning.add_to(command, true);
    planning.add_loading_to(command);
    planning.add_on_full_to(command);
    planning.add_parking_to(command, PlanningFlags::Sessions::one);
    planning.add_keep_to(command);
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
    command
        .add_option("--trace-routing", routing_file,
                    "writes which experts each token chose in each layer to FILE")
        ->check(CLI::Validator(
            [](std::string& file) {
                return file.empty() ? std::string("a file has a name") : std::string();
            },
            ""))
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
    if (!session_file.empty()) {
        HEXCORE_TRY_VOID(check_session_file(session_file));
    }
    return {};
}

}  // namespace hexcore
