#include "hexcore/isolate/ctest_properties.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "hexcore/isolate/bytes_json.hpp"
#include "hexcore/isolate/program_tests.hpp"
#include "hexcore/isolate/test_tags.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::string_view, 6> not_honoured = {
    "TIMEOUT_AFTER_MATCH", "TIMEOUT_SIGNAL_NAME", "TIMEOUT_SIGNAL_GRACE_PERIOD",
    "RESOURCE_GROUPS",     "PROCESSOR_AFFINITY",  "GENERATED_RESOURCE_SPEC_FILE"};

std::vector<std::string> texts(const Json& value) {
    std::vector<std::string> list;
    if (value.is_string()) {
        list.push_back(value.get<std::string>());
    } else if (value.is_array()) {
        for (const Json& entry : value) {
            if (entry.is_string()) {
                list.push_back(entry.get<std::string>());
            }
        }
    }
    return list;
}

bool is_true(const Json& value) { return value.is_boolean() && value.get<bool>(); }

Result<std::vector<TextPattern>> patterns(const TestCase& test, const Json& value) {
    std::vector<TextPattern> list;
    for (const std::string& text : texts(value)) {
        auto pattern = TextPattern::make_of_cmake(text);
        if (!pattern) {
            return fail(ErrorCode::usage, "test {}: {}", test.id, pattern.error().message);
        }
        list.push_back(*std::move(pattern));
    }
    return list;
}

void take_number(TestCase& test, const std::string& name, double number) {
    constexpr double ms_per_s = 1e3;
    constexpr double year_s = 366.0 * 24 * 3600;
    constexpr double processors_max = 65536;
    if (name == "TIMEOUT" && number > 0 && number < year_s) {
        test.timeout = std::chrono::milliseconds(std::llround(std::ceil(number * ms_per_s)));
    } else if (name == "COST") {
        test.cost = number;
    } else if (name == "PROCESSORS" && number >= 1 && number < processors_max) {
        test.processors = static_cast<std::uint32_t>(number);
    }
}

/// What decides when and beside what it runs.
Result<void> take_order(TestCase& test, const std::string& name, const Json& value) {
    if (value.is_number()) {
        take_number(test, name, value.get<double>());
    } else if (name == "DEPENDS") {
        test.depends_on = texts(value);
    } else if (name == "RESOURCE_LOCK") {
        test.locks = texts(value);
    } else if (name == "FIXTURES_SETUP") {
        test.fixtures_setup = texts(value);
    } else if (name == "FIXTURES_CLEANUP") {
        test.fixtures_cleanup = texts(value);
    } else if (name == "FIXTURES_REQUIRED") {
        test.fixtures_required = texts(value);
    } else if (name == "RUN_SERIAL") {
        test.run_serial = is_true(value);
    } else if (name == "DISABLED" && is_true(value)) {
        test.disabled = "its property DISABLED says so";
    } else if (name == "LABELS") {
        test.tags = texts(value);
        for (const std::string& label : test.tags) {
            HEXCORE_TRY_VOID(take_tag(test, label));
        }
    }
    return {};
}

/// What decides how it runs and what its end means.
Result<void> take_running(CtestProperties& properties, const TestCase& test,
                          const std::string& name, const Json& value) {
    if (name == "WORKING_DIRECTORY" && value.is_string()) {
        properties.folder = value.get<std::string>();
    } else if (name == "ENVIRONMENT") {
        properties.environment = texts(value);
    } else if (name == "ENVIRONMENT_MODIFICATION") {
        properties.modifications = texts(value);
    } else if (name == "REQUIRED_FILES") {
        properties.required_files = texts(value);
    } else if (name == "SKIP_RETURN_CODE" && value.is_number_integer()) {
        properties.skip_code = value.get<int>();
    } else if (name == "WILL_FAIL") {
        properties.will_fail = is_true(value);
    } else if (name == "PASS_REGULAR_EXPRESSION") {
        HEXCORE_TRY(list, patterns(test, value));
        properties.pass = std::move(list);
    } else if (name == "FAIL_REGULAR_EXPRESSION") {
        HEXCORE_TRY(list, patterns(test, value));
        properties.fail = std::move(list);
    } else if (name == "SKIP_REGULAR_EXPRESSION") {
        HEXCORE_TRY(list, patterns(test, value));
        properties.skip = std::move(list);
    }
    return {};
}

using Variables = std::map<std::string, std::string, std::less<>>;

void set_variable(Variables& variables, std::string_view text) {
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) {
        variables[std::string(text.substr(0, equals))] = text.substr(equals + 1);
    }
}

/// `before` and `after` with `separator` between them where both are there.
std::string joined(const std::string& before, const std::string& after, char separator) {
    return before.empty() ? after : after.empty() ? before : before + separator + after;
}

/// `NAME=operation:value`.
void modify(Variables& variables, const Variables& original, std::string_view text) {
    const std::size_t equals = text.find('=');
    const std::size_t colon = text.find(':', equals == std::string_view::npos ? 0 : equals);
    if (equals == std::string_view::npos || colon == std::string_view::npos) {
        return;
    }
    const std::string name(text.substr(0, equals));
    const std::string_view operation = text.substr(equals + 1, colon - equals - 1);
    const std::string value(text.substr(colon + 1));
    if (operation == "unset") {
        variables.erase(name);
    } else if (operation == "reset") {
        const auto found = original.find(name);
        if (found == original.end()) {
            variables.erase(name);
        } else {
            variables[name] = found->second;
        }
    } else if (operation == "set") {
        variables[name] = value;
    } else if (operation == "string_append") {
        variables[name] += value;
    } else if (operation == "string_prepend") {
        variables[name] = value + variables[name];
    } else if (operation == "path_list_append" || operation == "cmake_list_append") {
        variables[name] = joined(variables[name], value, operation.front() == 'p' ? ':' : ';');
    } else if (operation == "path_list_prepend" || operation == "cmake_list_prepend") {
        variables[name] = joined(value, variables[name], operation.front() == 'p' ? ':' : ';');
    }
}

/// In what is kept of a test's output: its start and, where it was long, its end.
class SeenOutput {
public:
    explicit SeenOutput(const CageOutcome& outcome) {
        is_whole_ = outcome.output_bytes <= outcome.output_head.size() + outcome.output_tail.size();
        if (is_whole_) {
            parts_ = {outcome.output_head + outcome.output_tail};
        } else {
            parts_ = {outcome.output_head, outcome.output_tail};
        }
    }
    [[nodiscard]] const TextPattern* find(const std::vector<TextPattern>& patterns) const {
        for (const TextPattern& pattern : patterns) {
            for (const std::string& part : parts_) {
                if (pattern.is_in(part)) {
                    return &pattern;
                }
            }
        }
        return nullptr;
    }
    [[nodiscard]] std::string place() const {
        return is_whole_ ? "its output"
                         : fmt::format("the first and the last {} bytes of its output",
                                       parts_.front().size());
    }

private:
    std::vector<std::string> parts_;
    bool is_whole_ = true;
};

std::string quoted(const std::vector<TextPattern>& patterns) {
    std::string list;
    for (const TextPattern& pattern : patterns) {
        list += fmt::format("{}'{}'", list.empty() ? "" : ", ", pattern.text());
    }
    return list;
}

}  // namespace

Result<CtestProperties> read_ctest_properties(const Json& listed, TestCase& test) {
    CtestProperties properties;
    properties.command = texts(member(listed, "command"));
    for (const Json& property : elements(member(listed, "properties"))) {
        const std::string name = bytes_of(member(property, "name"));
        const Json& value = member(property, "value");
        HEXCORE_TRY_VOID(take_order(test, name, value));
        HEXCORE_TRY_VOID(take_running(properties, test, name, value));
        if (std::ranges::find(not_honoured, name) != not_honoured.end()) {
            properties.not_honoured.push_back(name);
        }
    }
    return properties;
}

std::vector<std::string> ctest_environment(const CtestProperties& properties,
                                           const std::vector<std::string>& base) {
    Variables original;
    for (const std::string& variable : base) {
        set_variable(original, variable);
    }
    Variables variables = original;
    for (const std::string& variable : properties.environment) {
        set_variable(variables, variable);
    }
    for (const std::string& modification : properties.modifications) {
        modify(variables, original, modification);
    }
    std::vector<std::string> environment;
    environment.reserve(variables.size());
    for (const auto& [name, value] : variables) {
        environment.push_back(fmt::format("{}={}", name, value));
    }
    return environment;
}

TestJudgement judge_ctest(const CtestProperties& properties, const CageOutcome& outcome) {
    using Kind = TestJudgement::Kind;
    TestJudgement judgement = judge_ending(outcome, false);
    if (judgement.kind != Kind::passed) {
        return judgement;
    }
    const SeenOutput output(outcome);
    if (properties.skip_code == outcome.code) {
        return {.kind = Kind::skipped,
                .reason = fmt::format("exit code {} (SKIP_RETURN_CODE)", outcome.code)};
    }
    if (const TextPattern* skip = output.find(properties.skip)) {
        return {
            .kind = Kind::skipped,
            .reason = fmt::format("'{}' is in its output (SKIP_REGULAR_EXPRESSION)", skip->text())};
    }
    std::string why;
    if (const TextPattern* bad = output.find(properties.fail)) {
        why = fmt::format("'{}' is in its output (FAIL_REGULAR_EXPRESSION)", bad->text());
    } else if (!properties.pass.empty() && output.find(properties.pass) == nullptr) {
        why = fmt::format("{} is not in {} (PASS_REGULAR_EXPRESSION)", quoted(properties.pass),
                          output.place());
    } else if (properties.pass.empty() && outcome.code != 0) {
        why = ending_text(outcome);
    }
    if (why.empty() == properties.will_fail) {
        judgement.kind = Kind::failed;
        judgement.reason =
            properties.will_fail ? ending_text(outcome) + ", but it was to fail (WILL_FAIL)" : why;
    }
    return judgement;
}

}  // namespace hexcore
