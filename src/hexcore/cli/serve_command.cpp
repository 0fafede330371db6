#include <memory>
#include <thread>

#include "hexcore/cli/commands.hpp"
#include "hexcore/cli/load_shown.hpp"
#include "hexcore/cli/plan_source.hpp"
#include "hexcore/cli/serve_options.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/device/server_wait.hpp"
#include "hexcore/serve/metrics.hpp"

namespace hexcore {
namespace {

/// How often signals are looked for.
constexpr std::chrono::milliseconds look_every{50};

void wait_for(const Interrupt& interrupt) {
    while (!interrupt.happened()) {
        std::this_thread::sleep_for(look_every);
    }
}

/// Lets those who have asked have their answers; another signal ends that.
void drain(HttpServer& server, ServedModel& model, Interrupt& interrupt) {
    server.drain();
    // Two signals close to each other are one wish: timeout(1) signals a child and its group.
    constexpr std::chrono::milliseconds another{200};
    bool idle = server.wait_until_idle(another);
    interrupt.start_over();
    if (!idle) {
        complain("the answers under way are finished first; another signal ends them at once");
    }
    while (!idle && !interrupt.happened()) {
        idle = server.wait_until_idle(look_every);
    }
    if (!idle) {
        model.end_now();
    }
    server.stop();
}

Result<void> serve(const ServeOptions& options, Interrupt& interrupt) {
    HEXCORE_TRY(http, options.http());
    Metrics metrics;
    // Before the model is there: who asks is told that it is being loaded.
    HEXCORE_TRY(server, HttpServer::listen(http, metrics));
    print_line_aside(fmt::format("hexcore listens on {} and loads the model", server->url()));
    HEXCORE_TRY(planned, hexcore::planned(options.planning, options.plan_file, options.threads,
                                          interrupt.flag()));
    HEXCORE_TRY(served_options, options.model(planned.plan().context.sequences, interrupt.flag()));
    HEXCORE_TRY(model, load_shown(planned, interrupt, options.planning.data_check()));
    HEXCORE_TRY(served, ServedModel::make(model, served_options, metrics));
    server->serve(*served);
    print_line_aside(
        fmt::format("hexcore serves {} at {}", planned.plan().model_name, server->url()));
    wait_for(interrupt);
    drain(*server, *served, interrupt);
    return {};
}

int run(const ServeOptions& options) {
    Interrupt interrupt(give_up_waiting_on);
    const auto served = serve(options, interrupt);
    return served ? 0 : report_error(served.error());
}

}  // namespace

void add_serve_command(CLI::App& program, Action& action) {
    auto* command = program.add_subcommand(
        "serve", "loads a model as planned and answers over HTTP, as OpenAI's interface has it");
    command->footer(
        "Examples:\n"
        "  hexcore serve model.gguf --device host=320MiB --device host=320MiB --sequences 4\n"
        "  hexcore serve model.gguf --host 0.0.0.0 --port 80 --api-key KEY");
    auto options = std::make_shared<ServeOptions>();
    options->add_to(*command);
    command->callback([&action, options] { action = [options] { return run(*options); }; });
}

}  // namespace hexcore
