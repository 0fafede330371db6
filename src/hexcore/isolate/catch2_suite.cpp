#include "hexcore/isolate/catch2_suite.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <string_view>

#include "hexcore/base/check.hpp"
#include "hexcore/base/whole_number.hpp"
#include "hexcore/isolate/ask_program.hpp"
#include "hexcore/isolate/catch2_list.hpp"
#include "hexcore/isolate/catch2_result.hpp"
#include "hexcore/isolate/catch2_told.hpp"
#include "hexcore/isolate/program_tests.hpp"
#include "hexcore/isolate/test_ids.hpp"
#include "hexcore/isolate/test_tags.hpp"

namespace hexcore {
namespace {

constexpr const char* catch_report_name = "hexcore-report.txt";

/// Options that are followed by a value, of both versions; of those that end in `=` here the whole
/// is left out of the command of a single test.
constexpr std::array valued_options = {"-n",
                                       "--name",
                                       "-x",
                                       "--abortx",
                                       "-w",
                                       "--warn",
                                       "-d",
                                       "--durations",
                                       "-D",
                                       "--min-duration",
                                       "-c",
                                       "--section",
                                       "-v",
                                       "--verbosity",
                                       "--rng-seed",
                                       "--use-colour",
                                       "--colour-mode",
                                       "--wait-for-keypress",
                                       "--benchmark-samples",
                                       "--benchmark-resamples",
                                       "--benchmark-confidence-interval",
                                       "--benchmark-warmup-time",
                                       "-g",
                                       "--generator-index",
                                       "-p",
                                       "--path-filter"};
constexpr std::array dropped_options = {"-r",           "--reporter",   "-o",      "--out",
                                        "-f",           "--input-file", "--order", "--shard-count",
                                        "--shard-index"};
constexpr std::array dropped_flags = {"-l",          "--list-tests",           "-t",
                                      "--list-tags", "--list-test-names-only", "--list-reporters"};

template <std::size_t n>
bool is_one_of(const std::array<const char*, n>& words, std::string_view word) {
    return std::ranges::any_of(words, [word](const char* other) { return word == other; });
}

/// The command without what selects tests: a specification beside ours would add to it. What comes
/// after an option that is not known may be its value and stays.
std::vector<std::string> without_selection(const std::vector<std::string>& command) {
    std::vector<std::string> kept{command.front()};
    for (std::size_t i = 1; i < command.size(); ++i) {
        const std::string& word = command[i];
        const std::string name = word.substr(0, word.find('='));
        const bool has_value = name.size() < word.size();
        if (is_one_of(dropped_flags, word)) {
            continue;
        }
        if (is_one_of(dropped_options, name)) {
            i += has_value ? 0 : 1;
            continue;
        }
        const bool is_option = word.size() > 1 && word.front() == '-';
        if (!is_option) {
            continue;
        }
        kept.push_back(word);
        const bool is_flag = word.size() == 2 && !is_one_of(valued_options, word);
        if (!has_value && !is_flag && i + 1 < command.size() && !command[i + 1].empty() &&
            command[i + 1].front() != '-') {
            kept.push_back(command[++i]);
        }
    }
    return kept;
}

/// The command without what reports: version 3 takes several reporters, and refuses a second one
/// that has no file of its own.
std::vector<std::string> without_reports(const std::vector<std::string>& command) {
    constexpr std::array reporting = {"-r", "--reporter", "-o", "--out"};
    std::vector<std::string> kept{command.front()};
    for (std::size_t i = 1; i < command.size(); ++i) {
        const std::string name = command[i].substr(0, command[i].find('='));
        if (!is_one_of(reporting, name)) {
            kept.push_back(command[i]);
        } else if (name.size() == command[i].size()) {
            i += 1;
        }
    }
    return kept;
}

/// As Catch2 compares names: without regard to case and to blanks at the ends.
std::string compared_name(std::string_view name) {
    constexpr std::string_view blanks = " \t\n\r";
    const std::size_t first = name.find_first_not_of(blanks);
    std::string compared(first == std::string_view::npos
                             ? std::string_view()
                             : name.substr(first, name.find_last_not_of(blanks) - first + 1));
    for (char& byte : compared) {
        byte = static_cast<char>(std::tolower(static_cast<unsigned char>(byte)));
    }
    return compared;
}

std::string specification_of(const std::string& name) {
    // It would leave out what follows instead.
    std::string specification = name.starts_with("exclude:") ? "\"*" : "\"";
    for (const char byte : name) {
        if (std::string_view("\\,[\"").find(byte) != std::string_view::npos) {
            specification += '\\';
        }
        specification += byte;
    }
    return specification + '"';
}

/// Whether a specification of `asked` fits `other` as well, both as they are compared.
bool fits_as_well(std::string_view asked, std::string_view other) {
    const bool any_start = asked.starts_with('*') || asked.starts_with("exclude:");
    if (asked.starts_with('*')) {
        asked.remove_prefix(1);
    }
    const bool any_end = asked.ends_with('*');
    if (any_end) {
        asked.remove_suffix(1);
    }
    if (any_start && any_end) {
        return other.find(asked) != std::string_view::npos;
    }
    return any_start ? other.ends_with(asked) : any_end ? other.starts_with(asked) : other == asked;
}

Result<unsigned> catch_version(const std::vector<std::string>& command,
                               const std::atomic<bool>* stop) {
    HEXCORE_TRY(answer, ask_program({.words = {command.front(), "--libidentify"}}, stop));
    const std::size_t at = answer.out.find("version:");
    const std::size_t digit = answer.out.find_first_of("0123456789", at);
    if (at == std::string::npos || digit == std::string::npos) {
        return fail(ErrorCode::usage, "`{} --libidentify` does not say which Catch2 it is: {}",
                    command.front(), last_words(answer));
    }
    return static_cast<unsigned>(answer.out[digit] - '0');
}

}  // namespace

Result<std::vector<TestCase>> Catch2Suite::list(const std::atomic<bool>* stop) {
    HEXCORE_TRY(version, catch_version(command_, stop));
    version_ = version;
    base_ = without_selection(command_);
    std::vector<TestCase> tests;
    const std::vector<std::string> asked = without_reports(command_);
    const auto ask = [&](std::vector<std::string> words) {
        words.insert(words.begin(), asked.begin(), asked.end());
        return ask_program({.words = std::move(words)}, stop);
    };
    if (version_ >= 3) {
        HEXCORE_TRY(answer, ask({"--list-tests", "--reporter", "xml"}));
        auto read = read_catch2_xml(answer.out);
        if (!read) {
            return fail(ErrorCode::usage, "`{}` does not list its tests as Catch2 3 does: {}",
                        shown_command(command_), last_words(answer));
        }
        tests = *std::move(read);
    } else {
        HEXCORE_TRY(names, ask({"--list-test-names-only", "--verbosity", "high"}));
        HEXCORE_TRY(lines, ask({"--list-tests"}));
        HEXCORE_TRY(read, read_catch2_text(names.out, lines.out));
        tests = std::move(read);
    }
    TestIds ids;
    for (TestCase& test : tests) {
        test.id = ids.next(test.name);
        test.binary = program_identity(command_.front());
        for (const std::string& tag : test.tags) {
            HEXCORE_TRY_VOID(take_tag(test, tag));
        }
    }
    select(tests);
    return tests;
}

void Catch2Suite::select(const std::vector<TestCase>& tests) {
    selections_.clear();
    std::unordered_map<std::string, std::vector<std::size_t>> by_name;
    std::vector<std::string> compared;
    for (std::size_t i = 0; i < tests.size(); ++i) {
        compared.push_back(compared_name(tests[i].name));
        by_name[compared.back()].push_back(i);
    }
    for (std::size_t i = 0; i < tests.size(); ++i) {
        Selection selection{.specification = specification_of(tests[i].name)};
        std::vector<std::size_t> fitting = by_name.at(compared[i]);
        const std::string& name = compared[i];
        if (name.starts_with('*') || name.ends_with('*') || name.starts_with("exclude:")) {
            fitting.clear();
            for (std::size_t other = 0; other < tests.size(); ++other) {
                if (fits_as_well(name, compared[other])) {
                    fitting.push_back(other);
                }
            }
        }
        selection.count = static_cast<std::uint32_t>(std::max<std::size_t>(fitting.size(), 1));
        selection.index =
            static_cast<std::uint32_t>(std::ranges::find(fitting, i) - fitting.begin());
        selections_.emplace(tests[i].id, std::move(selection));
    }
}

TestLaunch Catch2Suite::launch(const TestCase& test, const std::filesystem::path& scratch) const {
    const auto found = selections_.find(test.id);
    HEXCORE_CHECK(found != selections_.end(), test.id.size(), selections_.size());
    const Selection& selection = found->second;
    TestLaunch launch;
    launch.command.words = base_;
    launch.command.words.insert(launch.command.words.end(),
                                {selection.specification, "--reporter", "console", "--out",
                                 (scratch / catch_report_name).string(), "--order", "decl"});
    if (version_ >= 3 && selection.count > 1) {
        launch.command.words.insert(launch.command.words.end(),
                                    {"--shard-count", std::to_string(selection.count),
                                     "--shard-index", std::to_string(selection.index)});
    }
    launch.command.environment = changed_environment({}, {});
    launch.command.folder = ".";
    launch.command.scratch = scratch;
    return launch;
}

/// Its XML, which tells of a test case as soon as it has ended, goes into a pipe. Which tests, a
/// file says: a line each.
Result<SharedLaunch> Catch2Suite::launch_shared(const JobRequest& request) const {
    const std::filesystem::path list = request.scratch / "hexcore-tests";
    std::ofstream file(list, std::ios::binary);
    std::vector<std::string> of_several_lines;
    for (const TestCase* test : request.tests) {
        const auto found = selections_.find(test->id);
        HEXCORE_CHECK(found != selections_.end(), test->id.size(), selections_.size());
        const std::string& specification = found->second.specification;
        if (specification.find('\n') == std::string::npos) {
            file << specification << '\n';
        } else {
            of_several_lines.push_back(specification);
        }
    }
    if (!file.flush()) {
        return fail(ErrorCode::does_not_fit, "cannot write {}", list.string());
    }
    SharedLaunch launch;
    launch.report = request.scratch / "hexcore-report";
    launch.command.words = base_;
    launch.command.words.insert(launch.command.words.end(),
                                {"--input-file", list.string(), "--reporter", "xml", "--out",
                                 launch.report.string(), "--order", "decl"});
    launch.command.words.insert(launch.command.words.end(), of_several_lines.begin(),
                                of_several_lines.end());
    launch.command.environment = changed_environment(
        {fmt::format("{}={}", levels_variable, (request.scratch / levels_pipe).string())}, {});
    launch.command.folder = ".";
    launch.command.scratch = request.scratch;
    launch.tests = catch2_told();
    return launch;
}

Result<std::unique_ptr<TestJob>> Catch2Suite::start(const JobRequest& request, CageYard& yard) {
    if (request.tests.size() == 1) {
        return start_in_process(*this, request, yard);
    }
    HEXCORE_TRY(launch, launch_shared(request));
    return start_shared_process(request, std::move(launch), yard);
}

TestJudgement Catch2Suite::judge(const TestCase& test, const CageOutcome& outcome,
                                 const std::filesystem::path& scratch) const {
    return judge_catch2(test, outcome, result_file(scratch / catch_report_name));
}

}  // namespace hexcore
