#include "hexcore/cli/examination.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "hexcore/base/printable.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/process/child_process.hpp"
#include "hexcore/runtime/examination.hpp"
#include "hexcore/runtime/last_words.hpp"

namespace hexcore {
namespace {

// The first argument of the child; then its parent's process id, the context and the file. No
// command of the program's, so that neither its help nor completions know of it.
constexpr const char* mark = "--examine";
constexpr int n_arguments = 8;
// Some hundred times what the largest vocabularies take.
constexpr std::chrono::milliseconds deadline{120'000};

// ---- the child's side

std::optional<std::uint32_t> number(std::string_view text) {
    std::uint32_t value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    return parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size()
               ? std::optional(value)
               : std::nullopt;
}

Result<ContextShape> shape_of(char** arguments) {
    const auto tokens = number(arguments[0]);
    const auto sequences = number(arguments[1]);
    const auto ubatch = number(arguments[2]);
    HEXCORE_TRY(kv_type, parse_kv_type(arguments[3]));
    if (!tokens || !sequences || !ubatch) {
        return fail(ErrorCode::usage, "{} is for the program itself", mark);
    }
    return ContextShape{.tokens = TokenCount(*tokens),
                        .sequences = *sequences,
                        .kv_type = kv_type,
                        .ubatch = TokenCount(*ubatch)};
}

/// A crash is expected here: it leaves no core file, and where memory runs out this process goes
/// before any other.
void be_expendable() {
    const rlimit no_core{0, 0};
    (void)::setrlimit(RLIMIT_CORE, &no_core);
    std::ofstream("/proc/self/oom_score_adj") << 1000;
}

Result<void> examine(char** arguments) {
    HEXCORE_TRY(shape, shape_of(arguments + 3));
    HEXCORE_TRY(inventory, read_inventory(arguments[7]));
    return examine_file(inventory, shape, [](std::string_view step) {
        const std::string line = printable(step) + "\n";
        (void)!::write(STDOUT_FILENO, line.data(), line.size());
    });
}

// ---- the parent's side

/// The last whole line of what the child has said.
std::string_view last_step(std::string_view steps) {
    steps = steps.substr(0, steps.rfind('\n'));
    const std::size_t before = steps.rfind('\n');
    return before == std::string_view::npos ? steps : steps.substr(before + 1);
}

Error crashed(const std::filesystem::path& model, const ChildOutcome& outcome) {
    const std::string_view step = last_step(outcome.out);
    const std::string where = step.empty() ? "starting" : shortened(step, 200);
    if (outcome.end == ChildEnd::timed_out) {
        return {ErrorCode::bad_input,
                fmt::format("{}: libllama came to no end within {} s when it was tried out, while "
                            "{}; the file is damaged, or lies on a disk that does not answer",
                            model.string(), deadline.count() / 1000, where)};
    }
    if (outcome.end == ChildEnd::signalled && outcome.signal == SIGKILL) {
        return {ErrorCode::does_not_fit,
                fmt::format("{}: the system ended the process in which the file was tried out, "
                            "while {}, most likely because memory ran out",
                            model.string(), where)};
    }
    std::string err = outcome.err.substr(0, outcome.err.find_last_not_of('\n') + 1);
    std::replace(err.begin(), err.end(), '\n', ' ');
    std::string words = shortened(err, 600);
    if (outcome.end == ChildEnd::signalled) {
        words =
            fmt::format("{}{}{}", ::strsignal(outcome.signal), words.empty() ? "" : ", ", words);
    }
    if (words.empty()) {
        words = fmt::format("it ends with exit code {} and without a word", outcome.exit_code);
    }
    if (outcome.end == ChildEnd::exited &&
        outcome.exit_code == static_cast<int>(ErrorCode::does_not_fit)) {
        return {ErrorCode::does_not_fit,
                fmt::format("{}: the system refused the process in which the file was tried out "
                            "what it needs, while {}: {}",
                            model.string(), where, words)};
    }
    return {ErrorCode::bad_input,
            fmt::format("{}: libllama cannot use the file: it stops while {}: {}. The file holds "
                        "what llama.cpp does not expect; make it anew with a current llama.cpp",
                        model.string(), where, words)};
}

/// The context that is asked for; an ordinary one where the longest is sought.
ContextShape examined_shape(ContextShape shape) {
    if (shape.tokens.value() == 0) {
        shape.tokens = TokenCount(PlanningOptions::default_context_tokens * shape.sequences);
    }
    return shape;
}

Result<void> examine_in_a_child(const std::filesystem::path& model, const ContextShape& shape,
                                const std::atomic<bool>* stop) {
    const ChildCommand command{
        "/proc/self/exe",
        {mark, std::to_string(::getpid()), std::to_string(shape.tokens.value()),
         std::to_string(shape.sequences), std::to_string(shape.ubatch.value()),
         to_string(shape.kv_type), model.string()},
        deadline};
    HEXCORE_TRY(outcome, run_child(command, stop));
    if (outcome.end == ChildEnd::exited && outcome.exit_code == 0) {
        return {};
    }
    const auto code = static_cast<ErrorCode>(outcome.exit_code);
    constexpr std::string_view prefix = "hexcore: ";
    if (outcome.end == ChildEnd::exited && outcome.err.starts_with(prefix) &&
        (code == ErrorCode::bad_input || code == ErrorCode::does_not_fit)) {
        outcome.err.erase(0, prefix.size());
        outcome.err.erase(outcome.err.find_last_not_of('\n') + 1);
        return fail(code, "{}", outcome.err);
    }
    return tl::unexpected(crashed(model, outcome));
}

}  // namespace

Result<PlanningInput> examined_input(const PlanningOptions& options,
                                     const std::atomic<bool>* stop) {
    HEXCORE_TRY(input, planning_input(options));
    HEXCORE_TRY_VOID(
        examine_in_a_child(options.model, examined_shape(input.request.context), stop));
    return input;
}

std::optional<int> run_examination(int argc, char** argv) {
    if (argc < 2 || std::strcmp(argv[1], mark) != 0) {
        return std::nullopt;
    }
    if (argc != n_arguments || !number(argv[2]) ||
        !end_with_parent(static_cast<pid_t>(*number(argv[2])))) {
        return report_error({ErrorCode::usage, fmt::format("{} is for the program itself", mark)});
    }
    be_expendable();
    end_examination_with_last_words();
    try {
        const auto examined = examine(argv);
        // Whatever libllama would still clean up has nothing to tell.
        ::_exit(examined ? 0 : report_error(examined.error()));
    } catch (...) {
        std::terminate();  // whose handler knows what to say
    }
}

}  // namespace hexcore
