#include <memory>

#include "hexcore/cli/commands.hpp"
#include "hexcore/cli/examined_input.hpp"
#include "hexcore/cli/load_progress.hpp"
#include "hexcore/cli/option_value.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/report/json_text.hpp"
#include "hexcore/report/run_json.hpp"
#include "hexcore/report/run_table.hpp"
#include "hexcore/runtime/model_outputs.hpp"
#include "hexcore/runtime/verify.hpp"
#include "nlohmann/json.hpp"

namespace hexcore {
namespace {

struct Options {
    PlanningOptions planning;
    std::uint32_t tokens = 64;
    std::uint32_t batch = 0;
    std::uint32_t seed = 1;
    int threads = 0;
    double tolerance = 0;
    std::string format = "table";
};

/// The same result; where memory is missing, the error also says what makes verify need more of it.
template <typename T>
Result<T> with_need(Result<T> result, const VerifyOptions& options, const ContextOptions& context) {
    if (!result && result.error().code == ErrorCode::does_not_fit) {
        const bool is_logits = options.outputs == Outputs::logits;
        result.error().message += fmt::format(
            ". verify needs more than run, for the {} of all {} tokens of a batch{}; a smaller {} "
            "lowers that",
            is_logits ? "logits" : "embeddings", context.outputs,
            is_logits ? " (4 bytes for each word of the vocabulary)" : "",
            options.batch == context.outputs ? "--batch" : "--ubatch");
    }
    return result;
}

Result<VerifyReport> verify(const Options& options) {
    const Interrupt interrupt;
    HEXCORE_TRY(input, examined_input(options.planning, interrupt.flag()));
    HEXCORE_TRY(outputs, outputs_of(input.inventory));
    VerifyOptions verification{.tokens = {},
                               .batch = options.batch,
                               .tolerance = options.tolerance,
                               .threads = options.threads,
                               .progress = {},
                               .stop = interrupt.flag(),
                               .outputs = outputs};
    const ContextOptions context = context_options(options.planning.ubatch, verification);
    HEXCORE_TRY(plan, with_need(plan_exactly(input, options.planning, context, interrupt.flag()),
                                verification, context));
    std::vector<float> planned;
    {
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
        HEXCORE_TRY(session,
                    with_need(ModelSession::load(*input.machine, input.inventory, plan, load),
                              verification, context));
        bar.reset();
        verification.tokens = random_tokens(session.vocab(), options.tokens, options.seed);
        HEXCORE_TRY(outputs_of_plan, planned_outputs(session, verification));
        planned = std::move(outputs_of_plan);
    }
    LoadProgress bar;
    verification.progress = [&bar](ReadProgress read) { bar.update(read); };
    HEXCORE_TRY(plain, plain_outputs(*input.machine, input.inventory, plan, verification));
    return compare_outputs(planned, plain, verification);
}

int run(const Options& options) {
    const auto report = verify(options);
    if (!report) {
        return report_error(report.error());
    }
    print(options.format == "json" ? json_text(verify_json(*report))
                                   : verify_text(*report, stdout_style()));
    return report->agrees() ? 0 : static_cast<int>(ErrorCode::negative);
}

}  // namespace

void add_verify_command(CLI::App& program, Action& action) {
    auto* command = program.add_subcommand(
        "verify", "compares the logits (or embeddings) through the plan with plain libllama's");
    command->footer("Example: hexcore verify model.gguf --device host=320MiB --device host=320MiB");
    auto options = std::make_shared<Options>();
    options->planning.add_to(*command, true);
    options->planning.add_loading_to(*command);
    command->add_option("--tokens", options->tokens, "random tokens to compare")
        ->check(CLI::Range(1U, 1U << 20U))
        ->option_text("N");
    command->add_option("--batch", options->batch, "tokens in each call (default: --ubatch)")
        ->option_text("N");
    command->add_option("-s,--seed", options->seed, "of the random tokens")->option_text("N");
    command
        ->add_option("-t,--threads", options->threads,
                     "threads to compute with (default: one for each core within the CPU quota)")
        ->check(CLI::Range(1, 512))
        ->option_text("N");
    command
        ->add_option("--tolerance", options->tolerance,
                     "largest relative error that is accepted (default: 0)")
        ->check(number_from(0))
        ->option_text("X");
    command->add_option("--format", options->format, "table or json")
        ->check(CLI::IsMember({"table", "json"}))
        ->option_text("NAME");
    command->callback([&action, options] { action = [options] { return run(*options); }; });
}

}  // namespace hexcore
