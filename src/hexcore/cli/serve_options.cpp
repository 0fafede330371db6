#include "hexcore/cli/serve_options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <utility>

#include "hexcore/api/leftovers.hpp"
#include "hexcore/cli/find_assistant.hpp"
#include "hexcore/cli/option_value.hpp"
#include "hexcore/cli/plan_source.hpp"
#include "hexcore/cli/terminal.hpp"

namespace hexcore {

void ServeOptions::add_to(CLI::App& command) {
    planning.add_to(command, false);
    command
        .add_option("--assistant", assistant,
                    "an assistant's name or its file (assistant.toml), whose experts are offered "
                    "as models")
        ->option_text("ASSISTANT");
    planning.add_loading_to(command);
    planning.add_on_full_to(command);
    planning.add_resident_to(command);
    planning.add_parking_to(command, PlanningFlags::Sessions::several);
    planning.add_keep_to(command);
    add_plan_file(command, plan_file);
    add_threads(command, threads);
    command.add_option("--host", host, "the address to listen on")->option_text("ADDRESS");
    command.add_option("--port", port, "the port to listen on; 0: any that is free, printed")
        ->check(whole_between(0, std::numeric_limits<std::uint16_t>::max()))
        ->option_text("PORT");
    command
        .add_option("--api-key", api_key,
                    "a key that clients have to give (default: $HEXCORE_API_KEY; without one, none "
                    "is asked for)")
        ->envname("HEXCORE_API_KEY")
        ->option_text("KEY");
    command.add_option("--max-body", body_most, "the largest request that is read")
        ->check(byte_size())
        ->option_text("SIZE");
    command
        .add_option("--max-sessions", sessions,
                    "sessions that are kept, whether they are asked or not")
        ->check(whole_between(1, 1'000'000))
        ->option_text("N");
    command.add_option("--queue", queue, "answers that may wait for a sequence; more get 429")
        ->check(whole_between(0, 100'000))
        ->option_text("N");
    command.add_option("--timeout", timeout_seconds, "seconds that an answer may take")
        ->check(number_between(0.001, 1e6))
        ->option_text("SECONDS");
    command
        .add_option("--chat-template", template_file,
                    "a file with a Jinja template in place of the model's own")
        ->option_text("FILE");
    command.add_flag("--exact", exact,
                     "the same answer to the bit, whatever else is computed; slower");
    command.add_flag("--worker", worker,
                     "keep the model in a process of its own, whose end gives all memory back");
    command.add_option(worker_mark(), worker_of)->group("");  // for the program itself
}

Result<std::optional<Assistant>> ServeOptions::settle_assistant() {
    if (assistant.empty()) {
        return std::nullopt;
    }
    HEXCORE_TRY(file, find_assistant(assistant));
    HEXCORE_TRY(opened, Assistant::open(file));
    if (planning.model.empty()) {
        planning.model = opened.description().model.string();
    }
    if (planning.model.empty()) {
        return fail(ErrorCode::usage,
                    "the assistant {} names no model; name one: hexcore serve "
                    "MODEL --assistant {}",
                    opened.description().name, assistant);
    }
    return opened;
}

Result<void> ServeOptions::check_worker() const {
    for (const auto& [option, file] :
         {std::pair("--plan", plan_file), std::pair("--chat-template", template_file)}) {
        if (file == "-") {
            return fail(ErrorCode::usage,
                        "{} - does not go with --worker: each process that has the model reads the "
                        "file again, and standard input comes once; name a file",
                        option);
        }
    }
    return {};
}

Result<HttpOptions> ServeOptions::http() const {
    HEXCORE_TRY(most, parse_bytes(body_most));
    HttpOptions options{.host = host, .port = port, .api_key = api_key, .body_most = most};
    options.request_most =
        std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(timeout_seconds * 1000)));
    // Beside those that are answered, those that ask how the server is, and that say nothing.
    constexpr std::size_t others = 192;
    options.connections = std::min(sessions, queue + planning.sequences) + others;
    if (worker_of != 0) {
        const char* key = std::getenv(worker_key_variable);
        options.host = HttpOptions{}.host;
        options.port = 0;
        options.api_key = key == nullptr ? "" : key;
        options.counts_requests = false;
    }
    return options;
}

Result<ServedModelOptions> ServeOptions::model(const Plan& plan,
                                               const std::atomic<bool>* stop) const {
    const std::uint32_t sequences = plan.context.sequences;
    if (sessions < sequences) {
        return fail(ErrorCode::usage,
                    "{} sequences are planned, and --max-sessions keeps {}; keep as many",
                    sequences, sessions);
    }
    ServedModelOptions options{.sessions = sessions, .queue = queue};
    HEXCORE_TRY(planned, planning.options());
    options.resident.bytes = planned.resident.bytes;
    options.session = {.on_full = planning.when_full(), .keep = planning.keep};
    if (!template_file.empty()) {
        HEXCORE_TRY(text, read_file(template_file, stop));
        if (text.empty()) {
            return fail(ErrorCode::bad_input,
                        "{} is empty, and no chat can be put to a model with that; leave out "
                        "--chat-template for the model's own template",
                        template_file);
        }
        options.chat_template = std::move(text);
    }
    options.engine.equality = exact ? Equality::exact : Equality::close;
    options.engine.parking = ParkingOptions::of(plan);
    options.engine.parking.tell = complain;
    return options;
}

}  // namespace hexcore
