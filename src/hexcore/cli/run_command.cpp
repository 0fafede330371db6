#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>

#include "hexcore/base/duration.hpp"
#include "hexcore/cli/chat.hpp"
#include "hexcore/cli/commands.hpp"
#include "hexcore/cli/engine_options.hpp"
#include "hexcore/cli/load_shown.hpp"
#include "hexcore/cli/plan_source.hpp"
#include "hexcore/cli/run_options.hpp"
#include "hexcore/cli/talk.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/device/server_wait.hpp"
#include "hexcore/report/json_text.hpp"
#include "hexcore/report/routing_trace_file.hpp"
#include "hexcore/report/run_json.hpp"
#include "hexcore/report/run_summary.hpp"
#include "hexcore/report/run_table.hpp"
#include "hexcore/runtime/routing_watch.hpp"
#include "hexcore/session/describe_run.hpp"
#include "nlohmann/json.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

/// A text without turns, in a file.
struct RawText {
    Session& session;
    [[nodiscard]] Result<void> load_from(const std::string& file) const {
        return load_session(session, file);
    }
    [[nodiscard]] Result<void> save_to(const std::string& file) const {
        return session.save_to(file, "");
    }
};

/// How a part of an answer is shown; empty: as Talk does it.
std::function<void(std::string_view)> shown_in(const std::string& format) {
    if (format == "json") {
        return [](std::string_view) {};
    }
    if (format == "jsonl") {
        return [](std::string_view text) {
            const Json part{{"text", text}};
            print(part.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
        };
    }
    return {};
}

/// Goes on with a text as it is.
Result<Answer> continue_text(Engine& engine, Session& session, Request request,
                             const RunOptions& options, const Interrupt& interrupt) {
    auto show = shown_in(options.format);
    request.on_piece = [&show](const AnswerPiece& piece) {
        show ? show(piece.text) : print(piece.text);
    };
    request.text = *options.prompt;
    return engine.answer(session, std::move(request), interrupt.flag());
}

/// An answer, and whether its session could be kept: if not, the answer is none the worse.
struct KeptAnswer {
    Answer answer;
    Result<void> kept = {};
};

/// Answers, and keeps the session where that is asked for.
template <typename Holder, typename Answering>
Result<KeptAnswer> with_session_file(const std::string& file, Holder& holder,
                                     Answering&& answering) {
    if (!file.empty() && std::filesystem::exists(file)) {
        HEXCORE_TRY_VOID(holder.load_from(file));
    }
    HEXCORE_TRY(answer, answering());
    KeptAnswer result{std::move(answer)};
    if (!file.empty()) {
        result.kept = holder.save_to(file);
    }
    return result;
}

Result<KeptAnswer> answer_with(Engine& engine, Session& session, const RunOptions& options,
                               QuestionReader& questions, Interrupt& interrupt) {
    Request request;
    request.max_tokens = options.max_tokens;
    request.sampling = options.sampling;
    const auto continued = [&] {
        RawText text{session};
        return with_session_file(options.session_file, text, [&] {
            return continue_text(engine, session, request, options, interrupt);
        });
    };
    if (options.raw) {
        return continued();
    }
    HEXCORE_TRY(chat_template, ChatTemplate::of(engine.model().model()));
    if (options.prompt && !chat_template.is_own()) {
        return continued();
    }
    Talk talk(engine, session, request, std::move(chat_template));
    talk.begin_anew(options.system);
    talk.show_by(shown_in(options.format));
    return with_session_file(options.session_file, talk, [&] {
        return options.prompt ? talk.ask(*options.prompt, interrupt)
                              : chat(talk, questions, interrupt);
    });
}

void greet(const Plan& plan) {
    print_paragraph_aside(plan_summary(plan) + ".");
    print_paragraph_aside("/help lists what can be typed; Ctrl-D ends the chat.");
    print_aside("\n");
}

/// What a run did, and whether its session and what its routers chose were kept.
struct RunOutcome {
    RunReport report;
    Result<void> kept = {};
    Result<void> traced = {};
};

/// The file of what routers choose, and who sees that.
class RoutingRecord {
public:
    /// Of an empty path there is none.
    static Result<std::unique_ptr<RoutingRecord>> open(const std::string& path) {
        if (path.empty()) {
            return nullptr;
        }
        if (path == "-" || is_stdout(path)) {  // the one by convention, the other in fact
            return fail(ErrorCode::usage,
                        "--trace-routing {} is where the answer goes; name another file", path);
        }
        HEXCORE_TRY(file, RoutingTraceFile::open(path));
        return std::make_unique<RoutingRecord>(std::move(file));
    }
    explicit RoutingRecord(RoutingTraceFile file) : file_(std::move(file)), watch_(file_) {}

    /// Fails with ErrorCode::usage for a model that has no routers.
    Result<void> know(const Inventory& inventory) {
        HEXCORE_TRY(header, RoutingWatch::header(inventory));
        header_ = std::move(header);
        return {};
    }
    void begin() {
        watch_.begin(header_);
        file_.begin(header_);
    }
    RoutingWatch* watch() { return &watch_; }
    [[nodiscard]] Result<void> finish() { return file_.finish(); }

private:
    static bool is_stdout(const std::string& path) {
        struct stat named {};
        struct stat out {};
        return ::stat(path.c_str(), &named) == 0 && ::fstat(STDOUT_FILENO, &out) == 0 &&
               named.st_dev == out.st_dev && named.st_ino == out.st_ino;
    }

    RoutingTraceFile file_;
    RoutingWatch watch_;
    RoutingTraceHeader header_;
};

Result<PlannedModel> planned_for(const RunOptions& options, RoutingRecord* record,
                                 const Interrupt& interrupt) {
    HEXCORE_TRY(planning, options.planning.options());
    if (record != nullptr) {
        planning.computing.routing = record->watch();
    }
    HEXCORE_TRY(model,
                planned(std::move(planning), options.plan_file, options.threads, interrupt.flag()));
    if (record != nullptr) {
        HEXCORE_TRY_VOID(record->know(model.inventory()));
    }
    return model;
}

Result<RunOutcome> run_model(const RunOptions& options, Interrupt& interrupt) {
    if (!options.routing_file.empty() && options.routing_file == options.session_file) {
        return fail(ErrorCode::usage, "--trace-routing and --session name one file, {}",
                    options.session_file);
    }
    HEXCORE_TRY(record, RoutingRecord::open(options.routing_file));
    HEXCORE_TRY(planned_model, planned_for(options, record.get(), interrupt));
    QuestionReader questions(interrupt);
    if (!options.prompt && questions.has_ended()) {
        return tl::unexpected(nobody_asked("a prompt with -p TEXT or --file FILE"));
    }
    if (!options.prompt) {
        questions.begin();
    }
    RunOutcome outcome;
    RunReport& report = outcome.report;
    {
        const auto start = std::chrono::steady_clock::now();
        HEXCORE_TRY(model, load_shown(planned_model, interrupt, options.planning.data_check()));
        report.timing.load_ms = in_milliseconds(std::chrono::steady_clock::now() - start);
        if (!options.prompt && stdin_is_terminal() && stdout_is_terminal()) {
            greet(planned_model.plan());
        }
        EngineOptions engine_of = engine_options(options.exact, planned_model.plan());
        if (record) {
            record->begin();
            engine_of.routing = record->watch();
        }
        Engine engine(model, std::move(engine_of));
        HEXCORE_TRY(session, engine.open({.on_full = options.planning.when_full(),
                                          .keep = options.planning.keep}));
        auto answered = answer_with(engine, session, options, questions, interrupt);
        // Where it failed there may be a part of the answer on the line, or nothing.
        if (options.prompt && options.format == "text" && (answered || stdout_is_terminal())) {
            print("\n");
        }
        HEXCORE_TRY(answer, std::move(answered));
        HEXCORE_TRY_VOID(describe_run(report, model, answer.answer));
        outcome.kept = std::move(answer.kept);
        if (record) {
            outcome.traced = record->finish();
        }
    }
    HEXCORE_TRY_VOID(describe_unloaded(report, planned_model.machine()));
    return outcome;
}

int run(RunOptions& options) {
    Interrupt interrupt(give_up_waiting_on);
    if (const auto settled = options.settle_prompt(interrupt.flag()); !settled) {
        return report_error(settled.error());
    }
    const auto outcome = run_model(options, interrupt);
    if (!outcome) {
        return report_error(outcome.error());
    }
    const RunReport& report = outcome->report;
    if (options.format == "json") {
        print(json_text(run_json(report)));
    } else if (options.format == "jsonl") {
        print(run_json(report).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
    }
    if (options.verbose) {
        print_aside(fmt::format("\n{}", run_table(report, stderr_style())));
    } else if (options.format == "text") {
        print_line_aside(run_summary(report));
    }
    // In a chat, Ctrl-C ends an answer too, which is no reason for the program to fail.
    const bool cut_short =
        options.prompt ? report.stop == StopReason::interrupted : interrupt.happened();
    if (!outcome->kept) {
        return report_error(outcome->kept.error());
    }
    if (!outcome->traced) {
        return report_error(outcome->traced.error());
    }
    const bool interrupted = cut_short || interrupt.should_quit();
    return interrupted ? static_cast<int>(ErrorCode::interrupted) : 0;
}

}  // namespace

void add_run_command(CLI::App& program, Action& action) {
    auto* command = program.add_subcommand(
        "run", "loads a model as planned and answers a question, or chats without one");
    command->footer(
        "Examples:\n"
        "  hexcore run model.gguf --device host=320MiB --device host=320MiB -p \"Why is the sky "
        "blue?\"\n"
        "  hexcore run model.gguf --raw -p \"Once upon a time\" -n 32\n"
        "  hexcore run model.gguf --plan plan.json");
    auto options = std::make_shared<RunOptions>();
    options->add_to(*command);
    command->callback([&action, options] { action = [options] { return run(*options); }; });
}

}  // namespace hexcore
