#include "hexcore/cli/plan_source.hpp"

#include <CLI/CLI.hpp>
#include <utility>

#include "hexcore/cli/terminal.hpp"
#include "hexcore/report/plan_json.hpp"

namespace hexcore {

void add_plan_file(CLI::App& command, std::string& file) {
    auto* plan =
        command
            .add_option("--plan", file, "a plan that hexcore plan --format json wrote; -: stdin")
            ->option_text("FILE");
    // A plan has settled all of these.
    for (const char* settled : {"--device", "--reserve", "--ctx", "--kv-type", "--swa-full",
                                "--sequences", "--ubatch", "--policy", "--fit", "--expert-cache"}) {
        plan->excludes(command.get_option(settled));
    }
}

Result<PlannedModel> planned(const PlanningFlags& flags, const std::string& file, int threads,
                             const std::atomic<bool>* stop) {
    HEXCORE_TRY(options, flags.options());
    return planned(std::move(options), file, threads, stop);
}

Result<PlannedModel> planned(PlanningOptions options, const std::string& file, int threads,
                             const std::atomic<bool>* stop) {
    options.computing.outputs = options.sequences;
    options.computing.threads = threads;
    if (file.empty()) {
        return PlannedModel::make(options, stop);
    }
    // Read once: it may come through a pipe.
    HEXCORE_TRY(text, read_file(file, stop));
    auto plan = plan_from_json(text);
    if (!plan) {
        return fail(plan.error().code, "{}: {}", file, plan.error().message);
    }
    return PlannedModel::follow(*std::move(plan), file, std::move(options), stop);
}

}  // namespace hexcore
