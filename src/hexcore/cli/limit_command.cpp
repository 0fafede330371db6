#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/base/parse_duration.hpp"
#include "hexcore/cage/limited_command.hpp"
#include "hexcore/cli/commands.hpp"
#include "hexcore/cli/option_value.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/report/cage_json.hpp"
#include "hexcore/report/cage_report.hpp"
#include "hexcore/report/json_text.hpp"

namespace hexcore {
namespace {

struct LimitFlags {
    std::string memory;
    std::vector<std::string> devices;  ///< NAME=SIZE
    std::uint32_t processes = 0;       ///< 0: any number
    std::string timeout;
    std::string format = "text";
    bool data_limit = false;
    bool own_temporary = false;
    std::vector<std::string> without_mark;  ///< words that no `--` stands before
};

using CommandWords = std::optional<std::vector<std::string>>;

Result<LimitedCommand> limited_command(const LimitFlags& flags, const CommandWords& words) {
    if (!flags.without_mark.empty()) {
        return fail(ErrorCode::usage,
                    "write -- before the command, so that its options are not taken for those of "
                    "limit: hexcore limit --memory 1GiB -- COMMAND");
    }
    if (!words || words->empty()) {
        return fail(ErrorCode::usage,
                    "name the command to limit: hexcore limit --memory 1GiB -- COMMAND");
    }
    LimitedCommand command{.words = *words};
    if (!flags.memory.empty()) {
        HEXCORE_TRY(memory, parse_bytes(flags.memory));
        command.limits.memory = memory;
    }
    for (const std::string& text : flags.devices) {
        HEXCORE_TRY(limit, parse_device_limit(text));
        command.limits.devices.push_back(std::move(limit));
    }
    if (flags.processes != 0) {
        command.limits.processes = flags.processes;
    }
    if (!flags.timeout.empty()) {
        HEXCORE_TRY(timeout, parse_duration(flags.timeout));
        command.timeout = timeout;
    }
    if (flags.data_limit && !command.limits.memory) {
        return fail(ErrorCode::usage, "--data-limit is of the size that --memory names; add that");
    }
    command.limits.data_limit = flags.data_limit;
    command.own_temporary = flags.own_temporary;
    return command;
}

/// While it lives what is written to stdout goes to stderr: a document follows there.
class StdoutForDocument {
public:
    StdoutForDocument() : stdout_(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)) {
        ::dup2(STDERR_FILENO, STDOUT_FILENO);
    }
    ~StdoutForDocument() { ::dup2(stdout_.get(), STDOUT_FILENO); }
    StdoutForDocument(const StdoutForDocument&) = delete;
    StdoutForDocument& operator=(const StdoutForDocument&) = delete;

private:
    FileDescriptor stdout_;
};

void tell(const LimitedCommand& command, const LimitedEnd& end) {
    const CageOutcome& outcome = end.outcome;
    const std::string program = printable(command.words.front());
    if (outcome.breach) {
        complain(fmt::format("{} was {}; raise the limit, or have it take less", program,
                             breach_text(*outcome.breach, end.guards)));
    } else if (outcome.ended_by_us == EndedByUs::timed_out) {
        complain(fmt::format("{} was ended: it ran longer than the timeout allows", program));
    } else if (!outcome.problem.empty()) {
        complain(printable(outcome.problem));
    }
    if (outcome.processes_refused > 0) {
        complain(fmt::format(
            "{} had {} processes and threads, which is its limit, and was refused "
            "more {}; raise the limit, or have it start fewer",
            program, command.limits.processes.value_or(0),
            outcome.processes_refused == 1 ? "once"
                                           : fmt::format("{} times", outcome.processes_refused)));
    }
    if (const std::string left = residue_text(outcome.residues); !left.empty()) {
        complain(fmt::format("{} {}", program, left));
    }
    if (command.limits.processes && !end.guards.limits_processes) {
        complain("the number of processes was not limited: no control group here counts them");
    }
}

int code_of(const CageOutcome& outcome) {
    if (!outcome.began) {
        return static_cast<int>(ErrorCode::usage);
    }
    const bool is_over_a_limit = outcome.breach || outcome.ended_by_us == EndedByUs::timed_out;
    return is_over_a_limit ? static_cast<int>(ErrorCode::does_not_fit) : outcome.exit_code();
}

Result<LimitedEnd> run(const LimitedCommand& command, bool for_document) {
    if (for_document) {
        const StdoutForDocument moved;
        return run_limited(command);
    }
    return run_limited(command);
}

int limit(const LimitFlags& flags, const CommandWords& words) {
    auto command = limited_command(flags, words);
    if (!command) {
        return report_error(command.error());
    }
    const bool is_json = flags.format == "json";
    const auto end = run(*command, is_json);
    if (!end) {
        return report_error(end.error());
    }
    tell(*command, *end);
    if (is_json) {
        print(json_text(limit_json(command->words, command->limits, end->guards, end->outcome)));
    }
    return code_of(end->outcome);
}

}  // namespace

void add_limit_command(CLI::App& program, Action& action, const CommandWords& words) {
    auto* command = program.add_subcommand(
        "limit", "runs any command within limits, and leaves nothing of it behind");
    command->footer(
        "The command keeps its input, output, signals and exit code. Over --memory, over\n"
        "--device of a GPU, or after --timeout all of it is killed, and the exit code is\n"
        "3. Beyond --processes, and beyond host=SIZE, it is refused what it asks for: it\n"
        "goes on, and its exit code stays its own. What it leaves running is ended. Who\n"
        "enforces limits on this machine, hexcore doctor says and proves.\n\n"
        "Examples:\n"
        "  hexcore limit --memory 2GiB --timeout 10min -- python3 train.py\n"
        "  hexcore limit --memory 512MiB --device host=320MiB -- ./test\n"
        "  hexcore limit --device cuda:0=4GiB --format json -- ./test");
    auto flags = std::make_shared<LimitFlags>();
    command->add_option("--memory", flags->memory, "main memory of all its processes together")
        ->check(byte_size())
        ->option_text("SIZE");
    command
        ->add_option("--device", flags->devices,
                     "what it gets of a device: host=SIZE of a capped host device of Hexcore's, "
                     "cuda:0=SIZE of a GPU (repeatable)")
        ->option_text("NAME=SIZE")
        ->allow_extra_args(false);
    constexpr std::uint64_t most_processes = 4'194'304;
    command
        ->add_option("--processes", flags->processes,
                     "how many at once, threads included; more are refused, which is told")
        ->check(whole_between(1, most_processes))
        ->option_text("N");
    command->add_option("--timeout", flags->timeout, "how long it may run: 500ms, 30s, 10min, 2h")
        ->option_text("TIME");
    command->add_flag("--data-limit", flags->data_limit,
                      "allocations over --memory fail in each process, as RLIMIT_DATA counts them");
    command->add_flag("--own-tmp", flags->own_temporary,
                      "a TMPDIR of its own, which is removed in the end");
    command
        ->add_option("--format", flags->format,
                     "text, or json: a document on stdout, and what the command writes on stderr")
        ->check(CLI::IsMember({"text", "json"}))
        ->option_text("NAME");
    command->add_option("command", flags->without_mark, "the command and its words, behind --")
        ->option_text("-- COMMAND");
    command->callback(
        [&action, &words, flags] { action = [&words, flags] { return limit(*flags, words); }; });
}

}  // namespace hexcore
