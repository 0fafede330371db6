#include "hexcore/isolate/ctest_suite.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>

#include "hexcore/base/check.hpp"
#include "hexcore/base/parse_duration.hpp"
#include "hexcore/isolate/ask_program.hpp"
#include "hexcore/isolate/bytes_json.hpp"
#include "hexcore/isolate/program_tests.hpp"
#include "hexcore/isolate/test_ids.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::json;

/// Why a test cannot begin: for judge(), which is asked after a process that did nothing.
constexpr const char* refused_name = "hexcore-refused";

/// The document begins where a line is "{": what reads a folder's settings may print before it.
Json read_ctest_list(std::string_view out) {
    std::size_t start = 0;
    while (start < out.size() && out[start] != '{') {
        const std::size_t end = out.find('\n', start);
        start = end == std::string_view::npos ? out.size() : end + 1;
    }
    const std::string_view text = out.substr(start);
    Json document = Json::parse(text, nullptr, false);
    return document.is_discarded() ? bytes_json(text) : document;
}

/// Seconds for each test that says nothing of its own; nothing: not given.
std::optional<std::chrono::milliseconds> default_timeout(const std::vector<std::string>& command) {
    for (std::size_t i = 1; i < command.size(); ++i) {
        const std::string_view word = command[i];
        std::string_view seconds;
        if (word == "--timeout" && i + 1 < command.size()) {
            seconds = command[i + 1];
        } else if (word.starts_with("--timeout=")) {
            seconds = word.substr(word.find('=') + 1);
        }
        if (const auto time = parse_duration(seconds); !seconds.empty() && time) {
            return *time;
        }
    }
    return std::nullopt;
}

/// Where in a CMakeLists.txt it was added.
void take_place(const Json& document, const Json& listed, TestCase& test) {
    const Json& graph = member(document, "backtraceGraph");
    const Json& nodes = elements(member(graph, "nodes"));
    const Json& files = elements(member(graph, "files"));
    const std::uint32_t node = small_number(member(listed, "backtrace"));
    if (node < nodes.size()) {
        const std::uint32_t file = small_number(member(nodes[node], "file"));
        if (file < files.size() && files[file].is_string()) {
            test.file = files[file].get<std::string>();
            test.line = small_number(member(nodes[node], "line"));
        }
    }
}

/// Names of tests as ids; what is not among those that run is waited for by nobody.
void depend_on_ids(std::vector<TestCase>& tests) {
    std::unordered_map<std::string, std::string> ids;
    for (const TestCase& test : tests) {
        ids.emplace(test.name, test.id);
    }
    for (TestCase& test : tests) {
        std::vector<std::string> wanted;
        for (const std::string& name : test.depends_on) {
            const auto found = ids.find(name);
            if (found != ids.end()) {
                wanted.push_back(found->second);
            }
        }
        test.depends_on = std::move(wanted);
    }
}

/// Why it cannot begin; empty: it can.
std::string refusal(const CtestProperties& properties) {
    if (properties.command.empty()) {
        return "CTest finds no program for it; build it first";
    }
    for (const std::string& file : properties.required_files) {
        std::error_code ignored;
        if (!std::filesystem::exists(std::filesystem::path(properties.folder) / file, ignored)) {
            return "a file that it needs is missing: " + file + " (REQUIRED_FILES)";
        }
    }
    return {};
}

}  // namespace

Result<std::vector<TestCase>> CtestSuite::list(const std::atomic<bool>* stop) {
    std::vector<std::string> words = command_;
    words.emplace_back("--show-only=json-v1");
    HEXCORE_TRY(answer, ask_program({.words = words}, stop));
    const Json document = read_ctest_list(answer.out);
    const Json& tests_listed = member(document, "tests");
    if (answer.exit_code != 0 || !tests_listed.is_array()) {
        return fail(ErrorCode::usage, "`{}` does not list its tests (exit code {}): {}",
                    shown_command(words), answer.exit_code, last_words(answer));
    }
    properties_.clear();
    std::vector<TestCase> tests;
    TestIds ids;
    const auto timeout = default_timeout(command_);
    for (const Json& listed : tests_listed) {
        TestCase test;
        const Json& name = member(listed, "name");
        test.name = name.is_string() ? name.get<std::string>() : "";
        test.id = ids.next(test.name);
        test.timeout = timeout;
        HEXCORE_TRY(properties, read_ctest_properties(listed, test));
        test.binary = properties.command.empty() ? "" : properties.command.front();
        take_place(document, listed, test);
        properties_.emplace(test.id, std::move(properties));
        tests.push_back(std::move(test));
    }
    depend_on_ids(tests);
    return tests;
}

TestLaunch CtestSuite::launch(const TestCase& test, const std::filesystem::path& scratch) const {
    const auto found = properties_.find(test.id);
    HEXCORE_CHECK(found != properties_.end(), test.id.size(), properties_.size());
    const CtestProperties& properties = found->second;
    TestLaunch launch;
    launch.command.words = properties.command;
    launch.command.folder = properties.folder.empty() ? "." : properties.folder;
    if (const std::string why = refusal(properties); !why.empty()) {
        std::ofstream(scratch / refused_name) << why;
        launch.command.words = {"true"};
        launch.command.folder = ".";
    }
    launch.command.environment = ctest_environment(
        properties,
        changed_environment({"CTEST_INTERACTIVE_DEBUG_MODE=1"}, {}));  // as CTest has it
    launch.command.scratch = scratch;
    return launch;
}

TestJudgement CtestSuite::judge(const TestCase& test, const CageOutcome& outcome,
                                const std::filesystem::path& scratch) const {
    if (const std::string why = result_file(scratch / refused_name); !why.empty()) {
        return {.kind = TestJudgement::Kind::not_run, .reason = why};
    }
    const auto found = properties_.find(test.id);
    HEXCORE_CHECK(found != properties_.end(), test.id.size(), properties_.size());
    return judge_ctest(found->second, outcome);
}

std::vector<std::string> CtestSuite::notes() const {
    std::map<std::string, std::size_t> tests;
    for (const auto& [id, properties] : properties_) {
        for (const std::string& name : properties.not_honoured) {
            ++tests[name];
        }
    }
    std::vector<std::string> sentences;
    sentences.reserve(tests.size());
    for (const auto& [name, count] : tests) {
        sentences.push_back(fmt::format("the property {} of {} {} is not honoured", name, count,
                                        count == 1 ? "test" : "tests"));
    }
    return sentences;
}

}  // namespace hexcore
