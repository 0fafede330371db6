#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <thread>
#include <utility>

#include "hexcore/api/leftovers.hpp"
#include "hexcore/assistant/assistant_plan.hpp"
#include "hexcore/base/told.hpp"
#include "hexcore/cli/commands.hpp"
#include "hexcore/cli/in_options.hpp"
#include "hexcore/cli/load_shown.hpp"
#include "hexcore/cli/plan_source.hpp"
#include "hexcore/cli/router_shown.hpp"
#include "hexcore/cli/serve_options.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/device/memory_holder.hpp"
#include "hexcore/device/own_memory.hpp"
#include "hexcore/device/server_wait.hpp"
#include "hexcore/process/child_process.hpp"
#include "hexcore/serve/metrics.hpp"
#include "hexcore/serve/model_answers.hpp"
#include "hexcore/serve/worker_answers.hpp"

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
void drain(HttpServer& server, Interrupt& interrupt) {
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
        server.end_now();
        // Who reads gets to know why; who doesn't is not waited for.
        constexpr std::chrono::seconds to_tell{2};
        (void)server.wait_until_idle(to_tell);
    }
    server.stop();
}

/// The base model reads along where experts are attended to: with as much context as the others.
void plan_for_base(const AssistantDescription& assistant, PlanningOptions& planning) {
    if (assistant.experts.size() < 2 || assistant.combining.method != Combination::attend) {
        return;
    }
    const std::uint64_t context = planning.context.value();
    const std::uint64_t with_base = context + context / planning.sequences;
    planning.context = TokenCount(static_cast<std::uint32_t>(
        std::min<std::uint64_t>(with_base, std::numeric_limits<std::uint32_t>::max())));
    planning.sequences += 1;
}

Result<PlannedModel> planned_with(const ServeOptions& options,
                                  const std::optional<Assistant>& assistant,
                                  const Interrupt& interrupt) {
    HEXCORE_TRY(planning, options.planning.options());
    if (assistant) {
        plan_for(assistant->description(), planning);
        plan_for_base(assistant->description(), planning);
    }
    return planned(std::move(planning), options.plan_file, options.threads, interrupt.flag());
}

/// The assistant with what of the plan is its experts'.
std::optional<OfferedAssistant> offered(std::optional<Assistant> assistant,
                                        const PlannedModel& planned, const Interrupt& interrupt) {
    if (!assistant) {
        return std::nullopt;
    }
    auto adapters = adapters_of(planned, *assistant);
    return OfferedAssistant{
        .assistant = *std::move(assistant),
        .adapters = std::move(adapters),
        .router = [&interrupt](const AssistantDescription& description, Engine& base,
                               const ChatTemplate& chat_template) {
            return router_shown(description, base, chat_template, interrupt);
        }};
}

/// With the model in this process.
Result<void> serve_here(ServeOptions& options, Interrupt& interrupt) {
    HEXCORE_TRY(http, options.http());
    HEXCORE_TRY(assistant, options.settle_assistant());
    Metrics metrics;
    // Before the model is there: who asks is told that it is being loaded.
    HEXCORE_TRY(server, HttpServer::listen(http, metrics));
    if (!options.is_worker()) {
        print_line_aside(fmt::format("hexcore listens on {} and loads the model", server->url()));
    }
    HEXCORE_TRY(planned, planned_with(options, assistant, interrupt));
    HEXCORE_TRY(served_options, options.model(planned.plan(), interrupt.flag()));
    HEXCORE_TRY(model, load_shown(planned, interrupt, options.planning.data_check()));
    HEXCORE_TRY(served, ServedModel::make(model, served_options, metrics,
                                          offered(std::move(assistant), planned, interrupt)));
    const auto answers = answers_of(*served);
    server->serve(*answers);
    if (options.is_worker()) {
        print(say_ready(server->port(), answers->models()));
    } else {
        print_line_aside(
            fmt::format("hexcore serves {} at {}", planned.plan().model_name, server->url()));
    }
    wait_for(interrupt);
    drain(*server, interrupt);
    return {};
}

/// This program once more, with the same options.
Result<ModelWorkerOptions> worker_command() {
    // By the kernel's link: another version that lies in its place by then is another program.
    ModelWorkerOptions worker{.program = "/proc/self/exe",
                              .arguments = command_words(ProcRoot(), "/proc/self"),
                              .key_variable = worker_key_variable,
                              .tell = complain,
                              .parking = default_parking_folder()};
    if (worker.arguments.size() < 2) {
        return fail(ErrorCode::negative, "the kernel does not tell what this program is (/proc)");
    }
    // Behind the program and its command.
    worker.name = worker.arguments.front();
    worker.arguments.erase(worker.arguments.begin());
    worker.arguments.insert(worker.arguments.begin() + 1,
                            {worker_mark(), std::to_string(::getpid())});
    return worker;
}

/// With the model in another process.
Result<void> serve_by_worker(const ServeOptions& options, Interrupt& interrupt) {
    HEXCORE_TRY(http, options.http());
    HEXCORE_TRY_VOID(options.check_worker());
    HEXCORE_TRY(command, worker_command());
    Metrics metrics;
    HEXCORE_TRY(server, HttpServer::listen(http, metrics));
    print_line_aside(
        fmt::format("hexcore listens on {}; another process loads the model", server->url()));
    ModelWorker worker(std::move(command));
    HEXCORE_TRY_VOID(worker.start(interrupt.flag()));
    const auto answers = answers_of(worker, metrics);
    server->serve(*answers);
    const auto models = worker.models();  // none where its process was killed while it loaded
    print_line_aside(fmt::format("hexcore serves {} at {}",
                                 models.empty() ? "a model that is loaded when it is asked"
                                                : models.at(0).at("id").get<std::string>(),
                                 server->url()));
    wait_for(interrupt);
    drain(*server, interrupt);
    worker.end_for_good(ModelWorker::Ending::in_order);
    return {};
}

int run_worker(ServeOptions& options) {
    if (!end_with_parent(static_cast<pid_t>(options.worker_of))) {
        return report_error({ErrorCode::usage, "whoever asked for this process has ended"});
    }
    (void)::prctl(PR_SET_NAME, "hexcore");  // it would be "exe", of the link that it was started by
    Interrupt interrupt(give_up_waiting_on);
    const auto served = serve_here(options, interrupt);
    if (!served) {
        print(say_failed(served.error(), told(served.error(), in_options)));
    }
    return served ? 0 : static_cast<int>(served.error().code);
}

int run(ServeOptions& options) {
    share_heaps();
    if (options.planning.model.empty() && options.assistant.empty()) {
        return report_error({ErrorCode::usage,
                             "model is required, or an assistant that names one "
                             "(--assistant); hexcore serve --help says more"});
    }
    if (options.is_worker()) {
        return run_worker(options);
    }
    Interrupt interrupt(give_up_waiting_on);
    const auto served =
        options.worker ? serve_by_worker(options, interrupt) : serve_here(options, interrupt);
    return served ? 0 : report_error(served.error());
}

}  // namespace

void add_serve_command(CLI::App& program, Action& action) {
    auto* command = program.add_subcommand(
        "serve", "loads a model as planned and answers over HTTP, as OpenAI's interface has it");
    command->footer(
        "Examples:\n"
        "  hexcore serve model.gguf --device host=320MiB --device host=320MiB --sequences 4\n"
        "  hexcore serve model.gguf --host 0.0.0.0 --port 80 --api-key KEY\n"
        "  hexcore serve model.gguf --sequences 4 --assistant magic");
    auto options = std::make_shared<ServeOptions>();
    options->add_to(*command);
    command->callback([&action, options] { action = [options] { return run(*options); }; });
}

}  // namespace hexcore
