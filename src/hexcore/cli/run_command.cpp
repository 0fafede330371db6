#include <chrono>
#include <memory>

#include "hexcore/backend/settled_devices.hpp"
#include "hexcore/cli/chat.hpp"
#include "hexcore/cli/commands.hpp"
#include "hexcore/cli/load_progress.hpp"
#include "hexcore/cli/planning.hpp"
#include "hexcore/cli/run_report_of.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/device/machine.hpp"
#include "hexcore/report/json_text.hpp"
#include "hexcore/report/plan_json.hpp"
#include "hexcore/report/run_json.hpp"
#include "hexcore/report/run_table.hpp"
#include "hexcore/runtime/dry_run.hpp"
#include "nlohmann/json.hpp"

namespace hexcore {
namespace {

struct Options {
    PlanningOptions planning;
    std::string prompt;
    std::string prompt_file;
    std::string plan_file;
    std::string format = "text";
    std::uint32_t max_tokens = 0;
    int threads = 0;
    SamplingOptions sampling;
    bool has_prompt = false;
};

/// A model file with what it is to run on, and the plan that it is to run by.
struct Planned {
    PlanningInput input;
    Plan plan;
};

/// The options that make the devices and the context of a plan.
Result<PlanningOptions> options_of(const Plan& plan, const Options& options) {
    PlanningOptions planning = options.planning;
    HEXCORE_TRY(machine, probe_machine());
    auto settled = settled_devices(plan, machine);
    if (!settled) {
        settled.error().message = fmt::format("{}: {}", options.plan_file, settled.error().message);
        return tl::unexpected(std::move(settled.error()));
    }
    planning.settled = *std::move(settled);
    planning.context_tokens = plan.context.tokens.value();
    return planning;
}

/// Reads the plan once: it may come through a pipe.
Result<Planned> planned_from_file(const Options& options, const ContextOptions& context,
                                  const Interrupt& interrupt) {
    HEXCORE_TRY(text, read_file(options.plan_file));
    HEXCORE_TRY(plan, plan_from_json(text));
    HEXCORE_TRY(planning, options_of(plan, options));
    HEXCORE_TRY(input, planning_input(planning));
    HEXCORE_TRY_VOID(check_plan_fits_model(plan, input));
    HEXCORE_TRY(usage,
                make_dry_run(*input.machine, input.inventory, context, interrupt.flag())(plan));
    HEXCORE_TRY(finished, finish_plan(std::move(plan), usage));
    return Planned{std::move(input), std::move(finished)};
}

Result<Planned> planned_anew(const Options& options, const ContextOptions& context,
                             const Interrupt& interrupt) {
    HEXCORE_TRY(input, planning_input(options.planning));
    HEXCORE_TRY(plan, plan_exactly(input, options.planning, context, interrupt.flag()));
    return Planned{std::move(input), std::move(plan)};
}

Result<Answer> answer_with(ModelSession& session, const Options& options, Interrupt& interrupt) {
    Generator generator(session, options.sampling, interrupt.flag());
    if (!options.has_prompt) {
        return chat(session, generator, interrupt, options.max_tokens);
    }
    const bool streams = options.format == "text";
    auto answer =
        generator.answer(options.prompt, options.max_tokens, [streams](std::string_view text) {
            if (streams) {
                print(text);
            }
        });
    if (streams) {
        print("\n");
    }
    return answer;
}

Result<RunReport> run_model(const Options& options, Interrupt& interrupt) {
    const ContextOptions context{.outputs = options.planning.sequences, .threads = options.threads};
    HEXCORE_TRY(planned, options.plan_file.empty()
                             ? planned_anew(options, context, interrupt)
                             : planned_from_file(options, context, interrupt));
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
                         .verify_data = options.planning.verify_data};
        auto session = ModelSession::load(*input.machine, input.inventory, plan, load);
        bar.reset();
        if (!session) {
            return tl::unexpected(std::move(session.error()));
        }
        report.timing.load_ms =
            std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
                .count();
        HEXCORE_TRY(answer, answer_with(*session, options, interrupt));
        HEXCORE_TRY_VOID(describe_run(report, plan, *session, answer));
    }
    HEXCORE_TRY_VOID(describe_unloaded(report, *input.machine));
    return report;
}

int run(Options& options) {
    if (!options.prompt_file.empty()) {
        auto text = read_file(options.prompt_file);
        if (!text) {
            return report_error(text.error());
        }
        options.prompt = std::move(*text);
        options.has_prompt = true;
    }
    if (options.format == "json" && !options.has_prompt) {
        return report_error(
            {ErrorCode::usage, "--format json needs a prompt: -p TEXT or --file F"});
    }
    Interrupt interrupt;
    const auto report = run_model(options, interrupt);
    if (!report) {
        return report_error(report.error());
    }
    if (options.format == "json") {
        print(json_text(run_json(*report)));
    } else {
        print_aside(fmt::format("\n{}", run_table(*report, stdout_style())));
    }
    // In a chat, Ctrl-C ends an answer too, which is no reason for the program to fail.
    const bool cut_short =
        options.has_prompt ? report->stop == StopReason::interrupted : interrupt.happened();
    const bool interrupted = cut_short || interrupt.should_quit();
    return interrupted ? static_cast<int>(ErrorCode::interrupted) : 0;
}

void add_sampling(CLI::App& command, SamplingOptions& sampling) {
    command.add_option("--temp", sampling.temperature, "temperature; 0: the most likely token")
        ->check(CLI::Range(0.0F, 100.0F))
        ->option_text("T");
    command.add_option("--top-k", sampling.top_k, "choose among the K most likely; 0: all")
        ->check(CLI::Range(0, 1 << 30))
        ->option_text("K");
    command.add_option("--top-p", sampling.top_p, "choose among tokens of this total probability")
        ->check(CLI::Range(0.0F, 1.0F))
        ->option_text("P");
    command.add_option("--min-p", sampling.min_p, "leave out tokens below this part of the best")
        ->check(CLI::Range(0.0F, 1.0F))
        ->option_text("P");
    command
        .add_option("--seed", sampling.seed,
                    "of the choice; the same seed, the same text (default: another one each time)")
        ->option_text("S");
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
    auto options = std::make_shared<Options>();
    options->planning.add_to(*command, true);
    options->planning.add_loading_to(*command);
    auto* prompt = command->add_option("-p,--prompt", options->prompt, "text to continue")
                       ->option_text("TEXT");
    command->add_option("--file", options->prompt_file, "a file with the text to continue")
        ->excludes(prompt)
        ->option_text("FILE");
    command
        ->add_option("-n", options->max_tokens, "tokens to generate, at most (default: no limit)")
        ->check(CLI::Range(1U, 1U << 30U))
        ->option_text("N");
    auto* plan = command
                     ->add_option("--plan", options->plan_file,
                                  "a plan that hexcore plan --format json wrote")
                     ->option_text("FILE");
    // A plan has settled all of these.
    for (const char* settled : {"--device", "--reserve", "--ctx", "--kv-type", "--sequences",
                                "--ubatch", "--policy", "--fit"}) {
        plan->excludes(command->get_option(settled));
    }
    command
        ->add_option("--threads", options->threads,
                     "threads to compute with (default: one for each core)")
        ->check(CLI::Range(1, 512))
        ->option_text("N");
    add_sampling(*command, options->sampling);
    command->add_option("--format", options->format, "text or json")
        ->check(CLI::IsMember({"text", "json"}))
        ->option_text("NAME");
    command->callback([&action, options, prompt] {
        options->has_prompt = prompt->count() > 0;
        action = [options] { return run(*options); };
    });
}

}  // namespace hexcore
