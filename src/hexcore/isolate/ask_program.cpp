#include "hexcore/isolate/ask_program.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "hexcore/base/check.hpp"
#include "hexcore/base/printable.hpp"
#include "hexcore/process/child_process.hpp"

namespace hexcore {

std::string shown_command(const std::vector<std::string>& words) {
    constexpr std::size_t shown_bytes = 200;
    std::string shown;
    for (const std::string& word : words) {
        shown += shown.empty() ? "" : " ";
        shown += word;
    }
    return shortened(shown, shown_bytes);
}

std::string last_words(const ProgramAnswer& answer) {
    constexpr std::size_t told_bytes = 400;
    std::string_view text = answer.err.empty() ? answer.out : answer.err;
    const std::size_t end = text.find_last_not_of(" \n\r\t");
    if (end == std::string_view::npos) {
        return {};
    }
    text = text.substr(0, end + 1);
    text.remove_prefix(text.size() - std::min(told_bytes, text.size()));
    std::string lines;
    for (const char byte : text) {
        lines += byte == '\n' ? " | " : std::string(1, byte);
    }
    return printable(lines);
}

Result<ProgramAnswer> ask_program(const ProgramQuestion& question, const std::atomic<bool>* stop) {
    HEXCORE_CHECK(!question.words.empty(), question.words.size(), 1);
    constexpr std::size_t kept_bytes = std::size_t{64} << 20U;
    HEXCORE_TRY(outcome, run_child({.program = question.words.front(),
                                    .arguments = {question.words.begin() + 1, question.words.end()},
                                    .deadline = question.deadline,
                                    .more_variables = question.variables,
                                    .kept_bytes = kept_bytes},
                                   stop));
    ProgramAnswer answer{outcome.exit_code, std::move(outcome.out), std::move(outcome.err)};
    if (outcome.end == ChildEnd::exited) {
        return answer;
    }
    const std::string words = last_words(answer);
    const std::string said = words.empty() ? "" : fmt::format("; its last words: {}", words);
    const std::string shown = shown_command(question.words);
    if (outcome.end == ChildEnd::timed_out) {
        return fail(ErrorCode::usage,
                    "`{}` was to say which tests it has and had not ended after {} s{}", shown,
                    std::chrono::duration_cast<std::chrono::seconds>(question.deadline).count(),
                    said);
    }
    return fail(ErrorCode::usage, "`{}` was to say which tests it has and was ended by {}{}", shown,
                ::strsignal(outcome.signal), said);
}

}  // namespace hexcore
