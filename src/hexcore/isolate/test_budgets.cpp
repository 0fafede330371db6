#include "hexcore/isolate/test_budgets.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <unordered_map>

#include "hexcore/base/printable.hpp"
#include "hexcore/isolate/bytes_json.hpp"
#include "hexcore/isolate/test_tags.hpp"

namespace hexcore {
namespace {

/// `Prefix/Suite/1.Name/2` is of `Suite.Name`; so are `Suite.Name` and `Suite/Part.Name/2` where
/// Suite is any part of it.
std::vector<std::string> told_names(std::string_view name) {
    const std::size_t dot = name.find('.');
    if (dot == std::string_view::npos) {
        return {std::string(name)};
    }
    std::string_view suite = name.substr(0, dot);
    const std::string_view after = name.substr(dot);
    const std::string test(after.substr(0, after.find('/')));
    std::vector<std::string> names{std::string(name)};
    while (true) {
        const std::size_t slash = suite.find('/');
        names.push_back(std::string(suite.substr(0, slash)) + test);
        if (slash == std::string_view::npos) {
            return names;
        }
        suite.remove_prefix(slash + 1);
    }
}

Result<void> take_line(TestCase& test, const nlohmann::json& line) {
    for (const auto& [key, value] : line.items()) {
        if (key == "isolated") {
            test.isolated = value == true;
        } else if (value.is_string()) {
            HEXCORE_TRY_VOID(take_setting(test, key, value.get<std::string>()));
        }
    }
    return {};
}

}  // namespace

Result<void> take_budgets(std::vector<TestCase>& tests, const std::string& lines) {
    std::unordered_map<std::string, std::vector<nlohmann::json>> told;
    std::string_view rest = lines;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        const std::string_view text = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        nlohmann::json line = nlohmann::json::parse(text, nullptr, false);
        if (!member(line, "test").is_string()) {
            return fail(ErrorCode::usage,
                        "the program told a budget in a line that cannot be read: {}",
                        shortened(text, 200));
        }
        told[line["test"].get<std::string>()].push_back(std::move(line));
    }
    if (told.empty()) {
        return {};
    }
    for (TestCase& test : tests) {
        for (const std::string& name : told_names(test.name)) {
            const auto found = told.find(name);
            if (found != told.end()) {
                for (const nlohmann::json& line : found->second) {
                    HEXCORE_TRY_VOID(take_line(test, line));
                }
                break;
            }
        }
    }
    return {};
}

}  // namespace hexcore
