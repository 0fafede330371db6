#include <chrono>
#include <memory>

#include "hexcore/backend/settled_devices.hpp"
#include "hexcore/cli/chat.hpp"
#include "hexcore/cli/commands.hpp"
#include "hexcore/cli/examined_input.hpp"
#include "hexcore/cli/load_progress.hpp"
#include "hexcore/cli/run_options.hpp"
#include "hexcore/cli/run_report_of.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/device/machine.hpp"
#include "hexcore/report/json_text.hpp"
#include "hexcore/report/plan_json.hpp"
#include "hexcore/report/run_json.hpp"
#include "hexcore/report/run_summary.hpp"
#include "hexcore/report/run_table.hpp"
#include "hexcore/runtime/dry_run.hpp"
#include "nlohmann/json.hpp"

namespace hexcore {
namespace {

/// A model file with what it is to run on, and the plan that it is to run by.
struct Planned {
    PlanningInput input;
    Plan plan;
};

/// A result with the file named in its error, which is about what that file says.
template <typename T>
Result<T> told_of(const std::string& file, Result<T> result) {
    if (!result) {
        result.error().message = fmt::format("{}: {}", file, result.error().message);
    }
    return result;
}

/// The options that make the devices and the context of a plan.
Result<PlanningOptions> options_of(const Plan& plan, const RunOptions& options) {
    PlanningOptions planning = options.planning;
    HEXCORE_TRY(machine, probe_machine());
    HEXCORE_TRY(settled, told_of(options.plan_file, settled_devices(plan, machine)));
    planning.settled = std::move(settled);
    planning.context_tokens = plan.context.tokens.value();
    return planning;
}

/// Reads the plan once: it may come through a pipe.
Result<Planned> planned_from_file(const RunOptions& options, const ContextOptions& context,
                                  const Interrupt& interrupt) {
    HEXCORE_TRY(text, read_file(options.plan_file, interrupt.flag()));
    HEXCORE_TRY(plan, told_of(options.plan_file, plan_from_json(text)));
    HEXCORE_TRY(planning, options_of(plan, options));
    HEXCORE_TRY(input, examined_input(planning, interrupt.flag()));
    HEXCORE_TRY_VOID(told_of(options.plan_file, check_plan_fits_model(plan, input)));
    HEXCORE_TRY(usage,
                make_dry_run(*input.machine, input.inventory, context, interrupt.flag())(plan));
    HEXCORE_TRY(finished, told_of(options.plan_file, finish_plan(std::move(plan), usage)));
    return Planned{std::move(input), std::move(finished)};
}

Result<Planned> planned_anew(const RunOptions& options, const ContextOptions& context,
                             const Interrupt& interrupt) {
    HEXCORE_TRY(input, examined_input(options.planning, interrupt.flag()));
    HEXCORE_TRY(plan, plan_exactly(input, options.planning, context, interrupt.flag()));
    return Planned{std::move(input), std::move(plan)};
}

Result<Answer> answer_with(ModelSession& session, const RunOptions& options, LineReader& lines,
                           Interrupt& interrupt) {
    Generator generator(session, options.sampling, interrupt.flag());
    if (!options.prompt) {
        return chat(session, generator, lines, interrupt, options.max_tokens);
    }
    const bool streams = options.format == "text";
    auto answer =
        generator.answer(*options.prompt, options.max_tokens, [streams](std::string_view text) {
            if (streams) {
                print(text);
            }
        });
    if (streams) {
        print("\n");
    }
    return answer;
}

Result<RunReport> run_model(const RunOptions& options, Interrupt& interrupt) {
    const ContextOptions context{.outputs = options.planning.sequences, .threads = options.threads};
    HEXCORE_TRY(planned, options.plan_file.empty()
                             ? planned_anew(options, context, interrupt)
                             : planned_from_file(options, context, interrupt));
    LineReader lines(interrupt);
    if (!options.prompt && lines.has_ended()) {
        return tl::unexpected(nobody_asked());
    }
    PlanningInput& input = planned.input;
    const Plan& plan = planned.plan;
    RunReport report;
    {
        const auto start = std::chrono::steady_clock::now();
        auto bar = std::make_unique<LoadProgress>();
        LoadOptions load{.context = context,
                         .progress =
                             [&bar](ReadProgress read) {
                                 bar->update(read);
                                 return true;
                             },
                         .stop = interrupt.flag(),
                         .verify_data = options.planning.verify_data,
                         .tell = complain};
        auto session = ModelSession::load(*input.machine, input.inventory, plan, load);
        bar.reset();
        if (!session) {
            return tl::unexpected(std::move(session.error()));
        }
        report.timing.load_ms =
            std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
                .count();
        HEXCORE_TRY(answer, answer_with(*session, options, lines, interrupt));
        HEXCORE_TRY_VOID(describe_run(report, plan, *session, answer));
    }
    HEXCORE_TRY_VOID(describe_unloaded(report, *input.machine));
    return report;
}

int run(RunOptions& options) {
    Interrupt interrupt;
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
