#include "hexcore/isolate/googletest_suite.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>
#include <unordered_set>
#include <utility>

#include "hexcore/base/check.hpp"
#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/isolate/ask_program.hpp"
#include "hexcore/isolate/bytes_json.hpp"
#include "hexcore/isolate/googletest_result.hpp"
#include "hexcore/isolate/googletest_told.hpp"
#include "hexcore/isolate/program_tests.hpp"
#include "hexcore/isolate/temporary_folder.hpp"
#include "hexcore/isolate/test_budgets.hpp"
#include "hexcore/isolate/test_ids.hpp"

namespace hexcore {
namespace {

constexpr const char* gtest_result_name = "hexcore-result.xml";
/// GoogleTest makes this file when it begins to run tests and removes it at their end. It is there
/// before that already: so if it is gone, the run came to its end.
constexpr const char* gtest_running_name = "hexcore-running";

/// As GoogleTest reads a flag without a value or with one.
bool flag_is_on(std::string_view value) {
    return value.empty() || std::string_view("0fF").find(value.front()) == std::string_view::npos;
}

bool gtest_disables(std::string_view name) {
    return name.starts_with("DISABLED_") || name.find("/DISABLED_") != std::string_view::npos;
}

/// Whether the words or the environment set it.
bool gtest_sets(const std::vector<std::string>& command, const std::string& flag) {
    std::string variable = flag;
    std::ranges::transform(variable, variable.begin(),
                           [](unsigned char byte) { return std::toupper(byte); });
    return std::getenv(variable.c_str()) != nullptr ||
           std::ranges::any_of(
               command, [&](const std::string& word) { return word.starts_with("--" + flag); });
}

/// `pattern` has no other wildcard than `?`.
bool fits(std::string_view pattern, std::string_view name) {
    return pattern.size() == name.size() &&
           std::equal(pattern.begin(), pattern.end(), name.begin(),
                      [](char wanted, char byte) { return wanted == '?' || wanted == byte; });
}

TestCase listed_test(const nlohmann::json& suite, const nlohmann::json& listed, TestIds& ids) {
    TestCase test;
    test.name = bytes_of(member(suite, "name")) + "." + bytes_of(member(listed, "name"));
    test.id = ids.next(test.name);
    test.file = bytes_of(member(listed, "file"));
    test.line = small_number(member(listed, "line"));
    return test;
}

}  // namespace

bool GoogletestSuite::runs_disabled() const {
    constexpr std::string_view flag = "--gtest_also_run_disabled_tests";
    const char* variable = std::getenv("GTEST_ALSO_RUN_DISABLED_TESTS");
    bool runs = variable != nullptr && flag_is_on(variable);
    for (const std::string& word : command_) {
        if (word == flag) {
            runs = true;
        } else if (word.starts_with(flag) && word[flag.size()] == '=') {
            runs = flag_is_on(word.substr(flag.size() + 1));
        }
    }
    return runs;
}

Result<std::vector<TestCase>> GoogletestSuite::list(const std::atomic<bool>* stop) {
    HEXCORE_TRY(folder, TemporaryFolder::make("list"));
    const std::filesystem::path list_file = folder.path() / "tests.json";
    const std::filesystem::path budgets_file = folder.path() / "budgets.jsonl";
    ProgramQuestion question{
        .words = command_,
        .variables = {"GTEST_TOTAL_SHARDS=1", "GTEST_SHARD_INDEX=0",
                      "HEXCORE_TEST_BUDGETS=" + budgets_file.string(), "HEXCORE_TEST_BUDGETS_OF="}};
    question.words.insert(question.words.end(),
                          {"--gtest_list_tests", "--gtest_output=json:" + list_file.string()});
    HEXCORE_TRY(answer, ask_program(question, stop));
    const nlohmann::json document = bytes_json(result_file(list_file));
    const nlohmann::json& suites = member(document, "testsuites");
    if (!suites.is_array()) {
        const std::string words = last_words(answer);
        return fail(ErrorCode::usage,
                    "`{}` wrote no list of its tests (exit code {}); it has to pass its arguments "
                    "to GoogleTest 1.10 or later{}",
                    shown_command(question.words), answer.exit_code,
                    words.empty() ? "" : "; its last words: " + words);
    }
    std::vector<TestCase> tests;
    TestIds ids;
    const std::string program = program_identity(command_.front());
    for (const nlohmann::json& suite : suites) {
        for (const nlohmann::json& listed : elements(member(suite, "testsuite"))) {
            TestCase test = listed_test(suite, listed, ids);
            test.binary = program;
            const std::size_t dot = bytes_of(member(suite, "name")).size();
            if (!runs_disabled() && (gtest_disables(test.name.substr(0, dot)) ||
                                     gtest_disables(test.name.substr(dot + 1)))) {
                test.disabled = "its name says DISABLED_";
            }
            tests.push_back(std::move(test));
        }
    }
    select(tests);
    HEXCORE_TRY_VOID(take_budgets(tests, result_file(budgets_file)));
    return tests;
}

void GoogletestSuite::select(const std::vector<TestCase>& tests) {
    selections_.clear();
    std::unordered_map<std::string, std::vector<const TestCase*>> by_filter;
    for (const TestCase& test : tests) {
        Selection selection{.filter = test.name};
        for (char& byte : selection.filter) {
            byte = byte == '*' || byte == ':' || byte == '-' ? '?' : byte;
        }
        by_filter[selection.filter].push_back(&test);
        selections_.emplace(test.id, std::move(selection));
    }
    for (const auto& [filter, asked] : by_filter) {
        std::vector<const TestCase*> fitting;
        if (filter.find('?') == std::string::npos) {
            fitting = asked;
        } else {
            for (const TestCase& test : tests) {
                if (fits(filter, test.name)) {
                    fitting.push_back(&test);
                }
            }
        }
        // Those that are disabled have no place in the order in which shards are dealt.
        std::erase_if(fitting, [](const TestCase* test) { return !test->disabled.empty(); });
        for (const TestCase* test : asked) {
            const auto place = std::ranges::find(fitting, test);
            if (place != fitting.end()) {
                Selection& selection = selections_.at(test->id);
                selection.index = static_cast<std::uint32_t>(place - fitting.begin());
                selection.count = static_cast<std::uint32_t>(fitting.size());
            }
        }
    }
}

TestLaunch GoogletestSuite::launch(const TestCase& test,
                                   const std::filesystem::path& scratch) const {
    const auto found = selections_.find(test.id);
    HEXCORE_CHECK(found != selections_.end(), test.id.size(), selections_.size());
    const Selection& selection = found->second;
    const std::filesystem::path running = scratch / gtest_running_name;
    {  // only that it is there matters
        const FileDescriptor made(
            ::open(running.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR));
    }
    TestLaunch launch;
    launch.command.words = command_;
    launch.command.words.insert(launch.command.words.end(),
                                {"--gtest_filter=" + selection.filter, "--gtest_repeat=1",
                                 "--gtest_output=xml:" + (scratch / gtest_result_name).string()});
    std::vector<std::string> variables{"TEST_PREMATURE_EXIT_FILE=" + running.string()};
    if (selection.count > 1) {
        variables.push_back(fmt::format("GTEST_TOTAL_SHARDS={}", selection.count));
        variables.push_back(fmt::format("GTEST_SHARD_INDEX={}", selection.index));
    }
    launch.command.environment = changed_environment(
        variables, {"GTEST_TOTAL_SHARDS", "GTEST_SHARD_INDEX", "GTEST_SHARD_STATUS_FILE"});
    launch.command.folder = ".";
    launch.command.scratch = scratch;
    return launch;
}

/// With all that is asked for in a file, since a word of a command holds no more than 128 KiB.
Result<SharedLaunch> GoogletestSuite::launch_shared(const JobRequest& request) const {
    std::unordered_set<std::string> names;
    std::string filter;
    for (const TestCase* test : request.tests) {
        const auto found = selections_.find(test->id);
        HEXCORE_CHECK(found != selections_.end(), test->id.size(), selections_.size());
        names.insert(test->name);
        filter += (filter.empty() ? "" : ":") + found->second.filter;
    }
    const std::filesystem::path flags = request.scratch / "hexcore-flags";
    std::ofstream file(flags, std::ios::binary);
    file << "--gtest_filter=" << filter << "\n--gtest_repeat=" << request.repeats
         << "\n--gtest_shuffle=0\n--gtest_color=no\n--gtest_print_time=1\n";
    // GoogleTest 1.10 does not know it, and runs nothing where there is a flag that it does not.
    if (std::ranges::any_of(
            command_, [](const std::string& word) { return word.starts_with("--gtest_brief"); })) {
        file << "--gtest_brief=0\n";
    }
    if (!file.flush()) {
        return fail(ErrorCode::does_not_fit, "cannot write {}", flags.string());
    }
    SharedLaunch launch;
    launch.command.words = command_;
    launch.command.words.push_back("--gtest_flagfile=" + flags.string());
    launch.command.environment = changed_environment(
        {"GTEST_BRIEF=0",
         fmt::format("{}={}", levels_variable, (request.scratch / levels_pipe).string())},
        {"GTEST_TOTAL_SHARDS", "GTEST_SHARD_INDEX", "GTEST_SHARD_STATUS_FILE"});
    launch.command.folder = ".";
    launch.command.scratch = request.scratch;
    launch.tests = googletest_told(std::move(names));
    return launch;
}

Result<std::unique_ptr<TestJob>> GoogletestSuite::start(const JobRequest& request, CageYard& yard) {
    if (request.tests.size() == 1 && request.repeats == 1) {
        return start_in_process(*this, request, yard);
    }
    HEXCORE_TRY(launch, launch_shared(request));
    return start_shared_process(request, std::move(launch), yard);
}

std::vector<std::string> GoogletestSuite::notes() const {
    std::vector<std::string> notes;
    if (gtest_sets(command_, "gtest_output")) {
        notes.emplace_back(
            "GoogleTest's flag gtest_output is not followed, since each test has a process of its "
            "own: ask Hexcore for a report of all of them, in the same format (JUnit)");
    }
    if (gtest_sets(command_, "gtest_repeat")) {
        notes.emplace_back(
            "GoogleTest's flag gtest_repeat is not followed: ask Hexcore for the repeats");
    }
    return notes;
}

TestJudgement GoogletestSuite::judge(const TestCase& /*test*/, const CageOutcome& outcome,
                                     const std::filesystem::path& scratch) const {
    std::error_code ignored;
    const bool ended = !std::filesystem::exists(scratch / gtest_running_name, ignored);
    return judge_googletest(outcome, result_file(scratch / gtest_result_name), ended);
}

}  // namespace hexcore
