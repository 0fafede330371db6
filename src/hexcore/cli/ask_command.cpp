#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "hexcore/assistant/assistant_plan.hpp"
#include "hexcore/base/duration.hpp"
#include "hexcore/base/printable.hpp"
#include "hexcore/cli/ask_options.hpp"
#include "hexcore/cli/assistant_talk.hpp"
#include "hexcore/cli/chat.hpp"
#include "hexcore/cli/commands.hpp"
#include "hexcore/cli/demo_model.hpp"
#include "hexcore/cli/engine_options.hpp"
#include "hexcore/cli/find_assistant.hpp"
#include "hexcore/cli/load_shown.hpp"
#include "hexcore/cli/plan_source.hpp"
#include "hexcore/cli/router_shown.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/device/server_wait.hpp"
#include "hexcore/report/assistant_summary.hpp"
#include "hexcore/report/json_text.hpp"
#include "hexcore/report/run_table.hpp"
#include "hexcore/session/describe_run.hpp"
#include "nlohmann/json.hpp"

namespace hexcore {
namespace {

constexpr const char* knows_little =
    "the demo model answers, which has 135 million parameters and knows little: what it says is "
    "mostly made up; name another one with --model FILE";

/// Who is to answer, if somebody is named.
Result<std::optional<std::size_t>> chosen_expert(const AskOptions& options,
                                                 const AssistantDescription& assistant) {
    if (options.expert.empty()) {
        return std::nullopt;
    }
    const auto expert = assistant.find_expert(options.expert);
    if (!expert) {
        return fail(ErrorCode::usage, "{} has no expert {}; it has {}", assistant.name,
                    printable(options.expert), assistant.expert_names());
    }
    return expert;
}

/// The file to load; says where that is the demo model.
struct AskedModel {
    std::filesystem::path file;
    bool is_demo = false;
};

Result<AskedModel> asked_model(const AskOptions& options, const AssistantDescription& assistant) {
    if (!options.planning.model.empty()) {
        return AskedModel{options.planning.model};
    }
    if (!assistant.model.empty()) {
        return AskedModel{assistant.model};
    }
    HEXCORE_TRY(file, find_demo_model());
    return AskedModel{std::move(file), true};
}

/// Not where there is nothing to choose: there is one expert, or one answers who is named.
bool needs_router(const AskOptions& options, const AssistantDescription& assistant) {
    std::string_view question = options.question ? std::string_view(*options.question) : "";
    const bool is_named = !options.expert.empty() || assistant.take_named_expert(question);
    return assistant.experts.size() > 1 && (!is_named || options.experts > 1);
}

// Of one expert, with its system prompt, knowledge and the conversation so far.
constexpr std::uint32_t roomy_context_tokens = 2048;

/// As many experts side by side as were asked for, or one fewer and so on, until it fits.
Result<PlannedModel> planned_for(const AskOptions& options, const AssistantDescription& assistant,
                                 const std::atomic<bool>* stop) {
    HEXCORE_TRY(planning, options.planning.options());
    const Combination how = combination_named(options.combine).value_or(assistant.combining.method);
    plan_for(assistant, planning, how);
    if (!options.plan_file.empty() || options.sequences_are_given) {
        return planned(std::move(planning), options.plan_file, options.threads, stop);
    }
    const auto all = static_cast<std::uint32_t>(assistant.experts.size());
    planning.sequences = std::min(all, std::max(options.experts, ExpertCount::usually_most));
    if (how == Combination::attend) {
        planning.sequences += 1;  // the base model reads along
    }
    if (options.experts == 0 && planning.context.value() > 0) {
        // One with room for what it is told before two without.
        const auto roomy = planning.context.value() / roomy_context_tokens;
        planning.sequences = std::max(1U, std::min(planning.sequences, roomy));
    }
    return plan_side_by_side(planning.sequences, [&](std::uint32_t experts) {
        planning.sequences = experts;
        return planned(planning, {}, options.threads, stop);
    });
}

AssistantQuestion settings_of(const AskOptions& options, std::optional<std::size_t> expert) {
    return {.text = {},
            .expert = expert,
            .experts = options.experts,
            .combine = combination_named(options.combine),
            .strict = options.strict,
            .max_tokens = options.max_tokens,
            .sampling = options.sampling,
            .over_expert = options.given};
}

/// The answer that there is none, where that is known before anything is loaded: the router has no
/// say, and who is to answer cannot. Fails as Assistant::pick().
Result<std::optional<AssistantAnswer>> refused_at_once(const AskOptions& options,
                                                       const Assistant& assistant,
                                                       std::optional<std::size_t> expert) {
    const AssistantDescription& description = assistant.description();
    if (!options.question || needs_router(options, description)) {
        return std::nullopt;
    }
    std::string_view question = *options.question;
    const auto named = description.take_named_expert(question);
    QuestionRouting routing = assistant.route(question, {});
    routing.named = named ? named : expert;  // as AssistantTalk::ask()
    HEXCORE_TRY(picked, assistant.pick(routing, {}, ExpertBreaker::Time::clock::now()));
    if (!options.strict || !picked.fallback) {
        return std::nullopt;
    }
    return AssistantAnswer{
        .assistant = description.name,
        .text = {},
        .refused = true,
        .named_by = named    ? "question"
                    : expert ? "choice"
                             : "",
        .fallback = SuggestedFallback{.expert = assistant.expert_name(picked.fallback->expert),
                                      .confidence = picked.fallback->confidence,
                                      .reason = picked.fallback->reason},
        .notes = std::move(picked.notes)};
}

/// What came of it.
struct AskOutcome {
    AssistantReport report;
    Result<void> kept = {};  ///< the conversation
    std::size_t failed = 0;  ///< questions of a chat without an answer
};

/// Answers with a model that is loaded.
Result<void> answer_into(AskOutcome& outcome, const AskOptions& options, Assistant& assistant,
                         std::optional<std::size_t> expert,
                         std::vector<std::vector<ChosenAdapter>> adapters, LoadedModel& model,
                         QuestionReader& questions, Interrupt& interrupt, Laps& laps) {
    const Plan& plan = model.plan();
    AssistantEngines engines(model, {.engine = engine_options(options.exact, plan),
                                     .session = {.on_full = options.planning.when_full(),
                                                 .keep = options.planning.keep}});
    HEXCORE_TRY(chat_template, ChatTemplate::of(model.model()));
    const double before_ms = laps.ms();
    if (needs_router(options, assistant.description())) {
        HEXCORE_TRY(base, engines.engine_for({}));
        HEXCORE_TRY(router, router_shown(assistant.description(), *base, chat_template, interrupt));
        assistant.set_router(std::move(router));
    }
    const double learn_ms = laps.ms();
    AssistantHost host = engines.host(assistant, chat_template, std::move(adapters));
    AssistantTalk talk(engines, host, settings_of(options, expert));
    if (!options.session_file.empty()) {
        HEXCORE_TRY_VOID(talk.keep_in(options.session_file));
    }
    if (options.format != "text") {
        talk.is_quiet();
    }
    const double load_ms = before_ms + laps.ms();
    Answer figures;
    if (options.question) {
        auto answered = talk.ask(*options.question, interrupt);
        // Where it failed there may be a part of the answer on the line, or nothing.
        const bool has_line = answered ? !talk.newest().refused : stdout_is_terminal();
        if (options.format == "text" && has_line) {
            print("\n");
        }
        HEXCORE_TRY(answer, std::move(answered));
        figures = std::move(answer);
    } else {
        talk.is_chat();
        HEXCORE_TRY(answer, chat(talk, questions, interrupt));
        figures = std::move(answer);
    }
    outcome.report.answer = talk.newest();
    outcome.report.answer.timing.load_ms = load_ms;
    outcome.report.answer.timing.learn_ms = learn_ms;
    outcome.kept = talk.kept();
    outcome.failed = talk.failed();
    HEXCORE_TRY_VOID(describe_run(outcome.report.run, model, figures));
    outcome.report.run.timing.load_ms = load_ms;
    return {};
}

Result<AskOutcome> ask_model(AskOptions& options, Interrupt& interrupt) {
    Laps laps;
    HEXCORE_TRY(file, find_assistant(options.assistant));
    HEXCORE_TRY(assistant, Assistant::open(file));
    const AssistantDescription& description = assistant.description();
    HEXCORE_TRY(expert, chosen_expert(options, description));
    if (options.question) {
        HEXCORE_TRY_VOID(check_question(description, *options.question));
    }
    if (!options.session_file.empty()) {
        // Before anything is loaded for nothing.
        HEXCORE_TRY_VOID(Dialogue::read_to_keep(options.session_file, description.name));
    }
    QuestionReader questions(interrupt);
    if (!options.question && questions.has_ended()) {
        return tl::unexpected(nobody_asked(AssistantTalk::question_or_file));
    }
    HEXCORE_TRY(asked, asked_model(options, description));
    options.planning.model = asked.file.string();
    if (asked.is_demo && options.format == "text") {
        complain(knows_little);
    }
    HEXCORE_TRY(planned_model, planned_for(options, description, interrupt.flag()));
    AskOutcome outcome;
    auto adapters = adapters_of(planned_model, assistant);
    HEXCORE_TRY(refused, refused_at_once(options, assistant, expert));
    if (refused) {
        outcome.report.answer = *std::move(refused);
        outcome.report.answer.timing.load_ms = laps.ms();
        return outcome;
    }
    if (!options.question) {
        questions.begin();
    }
    {
        HEXCORE_TRY(model, load_shown(planned_model, interrupt, options.planning.data_check()));
        if (!options.question && stdin_is_terminal() && stdout_is_terminal()) {
            print_paragraph_aside(fmt::format("{}: {}.", printable(description.name),
                                              printable(description.description)));
            print_paragraph_aside("/help lists what can be typed; Ctrl-D ends the chat.");
            print_aside("\n");
        }
        HEXCORE_TRY_VOID(answer_into(outcome, options, assistant, expert, std::move(adapters),
                                     model, questions, interrupt, laps));
    }
    if (asked.is_demo && options.format != "text") {
        outcome.report.answer.notes.emplace_back(knows_little);
    }
    HEXCORE_TRY_VOID(describe_unloaded(outcome.report.run, planned_model.machine()));
    return outcome;
}

int ask(AskOptions& options) {
    Interrupt interrupt(give_up_waiting_on);
    if (const auto settled = options.settle_question(interrupt.flag()); !settled) {
        return report_error(settled.error());
    }
    const auto outcome = ask_model(options, interrupt);
    if (!outcome) {
        return report_error(outcome.error());
    }
    const AssistantReport& report = outcome->report;
    if (options.format == "json") {
        print(json_text(assistant_report_json(report)));
    } else {
        // In a chat there was a summary of each answer.
        const auto summary = options.question ? assistant_summary : memory_summary;
        if (!report.answer.refused && stdout_is_terminal() && stderr_is_terminal()) {
            print_aside("\n");
        }
        print_aside(summary(report, stderr_columns()));
    }
    if (options.verbose && !report.run.devices.empty()) {
        print_aside(fmt::format("\n{}", run_table(report.run, stderr_style())));
    }
    if (!outcome->kept) {
        return report_error(outcome->kept.error());
    }
    const bool cut_short =
        options.question ? report.answer.stop == StopReason::interrupted : interrupt.happened();
    if (cut_short || interrupt.should_quit()) {
        return static_cast<int>(ErrorCode::interrupted);
    }
    if (outcome->failed > 0 && !stdin_is_terminal()) {
        complain(outcome->failed == 1 ? "1 question got no answer"
                                      : fmt::format("{} questions got no answer", outcome->failed));
        return static_cast<int>(ErrorCode::negative);
    }
    return report.answer.refused ? static_cast<int>(ErrorCode::negative) : 0;
}

}  // namespace

void add_ask_command(CLI::App& program, Action& action) {
    auto* command = program.add_subcommand(
        "ask", "asks an assistant, whose experts answer; chats without a question");
    command->footer(
        "Examples:\n"
        "  hexcore ask \"What happens if I Lightning Bolt my own planeswalker?\"\n"
        "  hexcore ask -m model.gguf --device host=640MiB \"REASON: Can I respond?\"\n"
        "  hexcore ask --assistant my/assistant.toml --session talk.json");
    auto options = std::make_shared<AskOptions>();
    options->add_to(*command);
    command->callback([&action, options, command] {
        options->settle_given(*command);
        action = [options] { return ask(*options); };
    });
}

}  // namespace hexcore
