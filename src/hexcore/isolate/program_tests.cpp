#include "hexcore/isolate/program_tests.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/base/printable.hpp"
#include "hexcore/base/text_file.hpp"

extern char** environ;

namespace hexcore {

std::vector<std::string> changed_environment(const std::vector<std::string>& set,
                                             const std::vector<std::string_view>& unset) {
    std::vector<std::string> changed;
    for (char** variable = environ; *variable != nullptr; ++variable) {
        const std::string_view text(*variable);
        const std::string_view name = text.substr(0, text.find('='));
        const bool is_replaced = std::ranges::any_of(set, [name](const std::string& other) {
            return std::string_view(other).substr(0, other.find('=')) == name;
        });
        if (!is_replaced && std::ranges::find(unset, name) == unset.end()) {
            changed.emplace_back(text);
        }
    }
    changed.insert(changed.end(), set.begin(), set.end());
    return changed;
}

std::string program_identity(const std::string& program) {
    if (program.find('/') == std::string::npos) {
        return program;  // PATH says which, and a new version is to keep what is known
    }
    std::error_code error;
    const std::filesystem::path path = std::filesystem::canonical(program, error);
    return error ? program : path.string();
}

std::string ending_text(const CageOutcome& outcome) {
    if (!outcome.signalled) {
        return fmt::format("exit code {}", outcome.code);
    }
    const char* name = ::sigabbrev_np(outcome.code);
    return name == nullptr ? fmt::format("signal {}", outcome.code)
                           : fmt::format("SIG{} ({})", name, ::sigdescr_np(outcome.code));
}

TestJudgement judge_ending(const CageOutcome& outcome, bool finished) {
    if (!outcome.began) {
        return {.kind = TestJudgement::Kind::not_run, .reason = one_line(outcome.problem)};
    }
    if (outcome.signalled) {
        return {.kind = TestJudgement::Kind::crashed,
                .reason = ending_text(outcome) +
                          (finished ? ", after the test had ended: in what runs at exit" : "")};
    }
    return {.kind = TestJudgement::Kind::passed};
}

std::string one_line(std::string_view text) {
    constexpr std::size_t shown_bytes = 300;
    std::string line;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view part = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const std::size_t first = part.find_first_not_of(" \t\r");
        if (first == std::string_view::npos) {
            continue;
        }
        part = part.substr(first, part.find_last_not_of(" \t\r") - first + 1);
        line += line.empty() ? "" : " ";
        line += part;
    }
    return line.empty() ? line : shortened(line, shown_bytes);
}

std::string result_file(const std::filesystem::path& path) {
    auto text = read_text_file(path.string(), path.string());
    return text ? *std::move(text) : std::string();
}

}  // namespace hexcore
