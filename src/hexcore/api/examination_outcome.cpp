#include "hexcore/api/examination_outcome.hpp"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "hexcore/api/examination_request.hpp"
#include "hexcore/base/printable.hpp"

namespace hexcore {
namespace {

/// Takes the greeting from what a child said of its steps; false if another program said that. Of a
/// child that wrote more than is kept, it is gone.
bool take_greeting(ChildOutcome& outcome) {
    constexpr std::size_t longest_kept = 65536;
    const bool greets = outcome.out.starts_with(examination_greeting());
    outcome.out.erase(0, greets ? examination_greeting().size() : 0);
    return greets || outcome.out.size() >= longest_kept;
}

Error not_an_examiner(const std::filesystem::path& examiner, const ChildOutcome& outcome) {
    const std::string words = shortened(outcome.err, 200);
    return {ErrorCode::usage,
            fmt::format("{} does not try out model files as this version of Hexcore asks it to: it "
                        "ends with exit code {}{}{}",
                        examiner.string(), outcome.exit_code, words.empty() ? "" : ", ", words),
            {{Change::name_examiner}}};
}

/// The last whole line of what the child has said of its steps.
std::string last_step(std::string_view steps) {
    const std::size_t end = steps.rfind('\n');
    if (end == std::string_view::npos) {
        return "starting";
    }
    steps = steps.substr(0, end);
    return shortened(steps.substr(steps.rfind('\n') + 1), 200);
}

/// Whatever it was, in one line.
std::string last_words(std::string words) {
    words.erase(words.find_last_not_of('\n') + 1);
    std::replace(words.begin(), words.end(), '\n', ' ');
    return shortened(words, 600);
}

/// The sentence of a child that ended in order.
std::optional<Error> own_error(const ChildOutcome& outcome) {
    constexpr std::string_view prefix = "hexcore: ";
    constexpr std::size_t longest = 8192;  // a path and more
    const auto code = static_cast<ErrorCode>(outcome.exit_code);
    if (outcome.end != ChildEnd::exited || !outcome.err.starts_with(prefix) ||
        (code != ErrorCode::bad_input && code != ErrorCode::does_not_fit)) {
        return std::nullopt;
    }
    std::string_view sentence = outcome.err;
    sentence = sentence.substr(0, sentence.find_last_not_of('\n') + 1);
    return Error{code, shortened(sentence.substr(prefix.size()), longest)};
}

Error stopped(const std::filesystem::path& model, const ChildOutcome& outcome) {
    const std::string step = last_step(outcome.out);
    if (outcome.end == ChildEnd::timed_out) {
        return {ErrorCode::bad_input,
                fmt::format("{}: libllama came to no end within {} s when it was tried out, while "
                            "{}; the file is damaged, or lies on a disk that does not answer",
                            model.string(), examination_deadline.count() / 1000, step)};
    }
    if (outcome.end == ChildEnd::signalled && outcome.signal == SIGKILL) {
        return {ErrorCode::does_not_fit,
                fmt::format("{}: the system ended the process in which the file was tried out, "
                            "while {}, most likely because memory ran out",
                            model.string(), step)};
    }
    std::string words = last_words(outcome.err);
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
                            model.string(), step, words)};
    }
    return {ErrorCode::bad_input,
            fmt::format("{}: libllama cannot use the file: it stops while {}: {}. The file holds "
                        "what llama.cpp does not expect; make it anew with a current llama.cpp",
                        model.string(), step, words)};
}

}  // namespace

Result<void> examination_result(const std::filesystem::path& examiner,
                                const std::filesystem::path& model, ChildOutcome outcome) {
    const bool greeted = take_greeting(outcome);
    // One that is stopped, or refused memory, may not have come that far.
    if (!greeted && outcome.end == ChildEnd::exited &&
        outcome.exit_code != static_cast<int>(ErrorCode::does_not_fit)) {
        return tl::unexpected(not_an_examiner(examiner, outcome));
    }
    if (outcome.end == ChildEnd::exited && outcome.exit_code == 0) {
        return {};
    }
    auto error = own_error(outcome);
    return tl::unexpected(error ? std::move(*error) : stopped(model, outcome));
}

}  // namespace hexcore
