#include <chrono>
#include <memory>

#include "hexcore/cli/chat.hpp"
#include "hexcore/cli/commands.hpp"
#include "hexcore/cli/load_shown.hpp"
#include "hexcore/cli/plan_source.hpp"
#include "hexcore/cli/run_options.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/device/server_wait.hpp"
#include "hexcore/report/json_text.hpp"
#include "hexcore/report/run_json.hpp"
#include "hexcore/report/run_summary.hpp"
#include "hexcore/report/run_table.hpp"
#include "hexcore/session/describe_run.hpp"
#include "nlohmann/json.hpp"

namespace hexcore {
namespace {

Result<Answer> answer_with(Engine& engine, Session& session, const RunOptions& options,
                           LineReader& lines, Interrupt& interrupt) {
    Request request;
    request.max_tokens = options.max_tokens;
    request.sampling = options.sampling;
    const bool streams = options.format == "text";
    if (streams) {
        request.on_piece = [](const AnswerPiece& piece) { print(piece.text); };
    }
    if (!options.prompt) {
        return chat(engine, session, request, lines, interrupt);
    }
    request.text = *options.prompt;
    auto answer = engine.answer(session, std::move(request), interrupt.flag());
    if (streams) {
        print("\n");
    }
    return answer;
}

Result<RunReport> run_model(const RunOptions& options, Interrupt& interrupt) {
    HEXCORE_TRY(planned_model,
                planned(options.planning, options.plan_file, options.threads, interrupt.flag()));
    LineReader lines(interrupt);
    if (!options.prompt && lines.has_ended()) {
        return tl::unexpected(nobody_asked());
    }
    RunReport report;
    {
        const auto start = std::chrono::steady_clock::now();
        HEXCORE_TRY(model, load_shown(planned_model, interrupt, options.planning.data_check()));
        report.timing.load_ms =
            std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
                .count();
        Engine engine(model);
        HEXCORE_TRY(session, engine.open());
        HEXCORE_TRY(answer, answer_with(engine, session, options, lines, interrupt));
        HEXCORE_TRY_VOID(describe_run(report, model, answer));
    }
    HEXCORE_TRY_VOID(describe_unloaded(report, planned_model.machine()));
    return report;
}

int run(RunOptions& options) {
    Interrupt interrupt(give_up_waiting_on);
    if (const auto settled = options.settle_prompt(interrupt.flag()); !settled) {
        return report_error(settled.error());
    }
    const auto report = run_model(options, interrupt);
    if (!report) {
        return report_error(report.error());
    }
    if (options.format == "json") {
        print(json_text(run_json(*report)));
    }
    if (options.verbose) {
        print_aside(fmt::format("\n{}", run_table(*report, stderr_style())));
    } else if (options.format != "json") {
        print_line_aside(run_summary(*report));
    }
    // In a chat, Ctrl-C ends an answer too, which is no reason for the program to fail.
    const bool cut_short =
        options.prompt ? report->stop == StopReason::interrupted : interrupt.happened();
    const bool interrupted = cut_short || interrupt.should_quit();
    return interrupted ? static_cast<int>(ErrorCode::interrupted) : 0;
}

}  // namespace

void add_run_command(CLI::App& program, Action& action) {
    auto* command = program.add_subcommand(
        "run", "loads a model as planned and continues a prompt, or chats without one");
    command->footer(
        "Examples:\n"
        "  hexcore run model.gguf --device host=320MiB --device host=320MiB -p \"Once upon\" -n "
        "32\n"
        "  hexcore run model.gguf --plan plan.json");
    auto options = std::make_shared<RunOptions>();
    options->add_to(*command);
    command->callback([&action, options] { action = [options] { return run(*options); }; });
}

}  // namespace hexcore
