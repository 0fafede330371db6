#include "hexcore/cli/ask_options.hpp"

#include "hexcore/assistant/assistant.hpp"
#include "hexcore/cli/option_value.hpp"
#include "hexcore/cli/plan_source.hpp"
#include "hexcore/cli/sampling_flags.hpp"
#include "hexcore/cli/terminal.hpp"

namespace hexcore {

void AskOptions::add_to(CLI::App& command) {
    auto* text = command.add_option("question", question, "what to ask (default: a chat)")
                     ->option_text("TEXT");
    command.add_option("-f,--file", question_file, "a file with the question; -: stdin")
        ->excludes(text)
        ->option_text("FILE");
    command
        .add_option("--assistant", assistant,
                    "an assistant's name, its file (assistant.toml) or that one's folder (default: "
                    "magic)")
        ->option_text("ASSISTANT");
    command
        .add_option("-m,--model", planning.model,
                    "a GGUF file (default: the assistant's own, or the demo model)")
        ->option_text("MODEL");
    auto* one = command.add_option("--expert", expert, "who is to answer")->option_text("EXPERT");
    command
        .add_option("--experts", experts,
                    "how many are to answer together (default: one, or several where nobody is "
                    "likely enough alone)")
        ->check(whole_between(1, 32))
        ->excludes(one)
        ->option_text("N");
    command
        .add_option("--combine", combine,
                    "how several give one answer (default: as the assistant's file says); alone, "
                    "it asks two: choose, merge, blend or attend")
        ->check(CLI::IsMember({"choose", "merge", "blend", "attend"}))
        ->option_text("NAME");
    command.add_flag("--strict", strict,
                     "no answer, and exit code 1, where another expert is suggested");
    command
        .add_option("--session", session_file,
                    "goes on with the conversation in FILE, if it is there, and keeps it there")
        ->option_text("FILE");
    planning.add_placing_to(command);
    command.get_option("--sequences")
        ->description(
            "experts side by side in the KV cache (default: 2, more with --experts, "
            "fewer where there is no room)");
    // Adapters are the assistant's own.
    command.remove_option(command.get_option("--lora"));
    planning.add_loading_to(command);
    planning.add_on_full_to(command);
    planning.add_resident_to(command);
    planning.add_keep_to(command);
    planning.add_parking_to(command, PlanningFlags::Sessions::several);
    command.add_option("-n", max_tokens, "tokens to generate, at most (default: -1, no limit)")
        ->transform(count_or_unlimited(0))
        ->option_text("N");
    command.add_flag("--exact", exact,
                     "the bits of an answer depend on nothing but its conversation");
    add_plan_file(command, plan_file);
    add_threads(command, threads);
    add_sampling(command, sampling);
    command.add_option("--format", format, "text or json")
        ->check(CLI::IsMember({"text", "json"}))
        ->option_text("NAME");
    command.add_flag("-v,--verbose,--report", verbose,
                     "behind the answer, the whole table of what was planned, accounted and "
                     "measured");
}

void AskOptions::settle_given(const CLI::App& command) {
    const auto is_given = [&](const char* name) { return command.count(name) > 0; };
    if (is_given("--temp")) {
        given.temperature = sampling.temperature;
    }
    if (is_given("--top-p")) {
        given.top_p = sampling.top_p;
    }
    if (is_given("--min-p")) {
        given.min_p = sampling.min_p;
    }
    if (is_given("--top-k")) {
        given.top_k = sampling.top_k;
    }
    if (is_given("--repeat-penalty")) {
        given.repeat_penalty = sampling.repeat_penalty;
    }
    sequences_are_given = is_given("--sequences");
    if (is_given("--combine") && !is_given("--experts") && !is_given("--expert")) {
        experts = ExpertCount::usually_most;
    }
}

Result<void> AskOptions::settle_question(const std::atomic<bool>* stop) {
    if (!question_file.empty()) {
        HEXCORE_TRY(text, read_file(question_file, stop));
        question = std::move(text);
    }
    if (format != "text" && !question) {
        return fail(ErrorCode::usage, "--format {} needs a question: give its text or --file FILE",
                    format);
    }
    return {};
}

}  // namespace hexcore
