#include <memory>

#include "hexcore/cli/commands.hpp"
#include "hexcore/cli/load_progress.hpp"
#include "hexcore/cli/load_shown.hpp"
#include "hexcore/cli/option_value.hpp"
#include "hexcore/cli/planning_flags.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/device/server_wait.hpp"
#include "hexcore/process/interrupt.hpp"
#include "hexcore/report/json_text.hpp"
#include "hexcore/report/run_json.hpp"
#include "hexcore/report/run_table.hpp"
#include "hexcore/runtime/model_outputs.hpp"
#include "hexcore/runtime/verify.hpp"
#include "nlohmann/json.hpp"

namespace hexcore {
namespace {

struct Options {
    PlanningFlags planning;
    std::uint32_t tokens = 64;
    std::uint32_t batch = 0;
    std::uint32_t seed = 1;
    int threads = 0;
    double tolerance = 0;
    std::string format = "table";
};

/// The same result; where memory is missing, the error also says what makes verify need more of it.
template <typename T>
Result<T> with_need(Result<T> result, const PlanningOptions& options) {
    if (!result && result.error().code == ErrorCode::does_not_fit) {
        const bool is_batch = options.computing.outputs > options.ubatch.value();
        result.error().aftermath += fmt::format(
            ". verify needs more than run, for the outputs of all {} tokens of a batch (of logits "
            "4 "
            "bytes for each word of the vocabulary); a smaller {} lowers that",
            options.computing.outputs, is_batch ? "--batch" : "--ubatch");
    }
    return result;
}

Result<VerifyReport> verify(const Options& options) {
    const Interrupt interrupt(give_up_waiting_on);
    VerifyOptions verification{.tokens = {},
                               .batch = options.batch,
                               .tolerance = options.tolerance,
                               .threads = options.threads,
                               .progress = {},
                               .stop = interrupt.flag()};
    HEXCORE_TRY(planning, options.planning.options());
    planning.computing = context_options(options.planning.ubatch, verification);
    planning.embeddings_will_do = true;
    HEXCORE_TRY(model, with_need(PlannedModel::make(planning, interrupt.flag()), planning));
    verification.outputs = model.computing().wanted;
    verification.adapters = model.computing().adapters;
    std::vector<float> planned;
    {
        HEXCORE_TRY(loaded, with_need(load_shown(model, interrupt, options.planning.data_check()),
                                      planning));
        verification.tokens = random_tokens(loaded.vocab(), options.tokens, options.seed);
        HEXCORE_TRY(outputs_of_plan, planned_outputs(loaded, verification));
        planned = std::move(outputs_of_plan);
    }
    LoadProgress bar;
    verification.progress = [&bar](ReadProgress read) { bar.update(read); };
    HEXCORE_TRY(plain,
                plain_outputs(model.machine(), model.inventory(), model.plan(), verification));
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
        ->check(whole_between(1, 1U << 20U))
        ->option_text("N");
    command->add_option("--batch", options->batch, "tokens in each call (default: --ubatch)")
        ->option_text("N");
    command->add_option("-s,--seed", options->seed, "of the random tokens")->option_text("N");
    add_threads(*command, options->threads);
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
