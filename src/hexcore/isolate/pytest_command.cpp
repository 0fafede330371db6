#include "hexcore/isolate/pytest_command.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <system_error>

#include "hexcore/process/shipped_file.hpp"

namespace hexcore {
namespace {

bool is_named_pytest(const std::string& word) {
    const std::string name = std::filesystem::path(word).filename().string();
    return name == "pytest" || name == "py.test" || name.starts_with("pytest-3");
}

/// Programs that run another one, which stands among their words.
bool runs_another(const std::string& program) {
    constexpr std::array runners{"uv",  "poetry", "pdm",      "hatch", "pipenv", "pixi",      "rye",
                                 "env", "nice",   "xvfb-run", "conda", "mamba",  "micromamba"};
    const std::string name = std::filesystem::path(program).filename().string();
    return std::ranges::find(runners, name) != runners.end();
}

}  // namespace

bool is_pytest(const std::vector<std::string>& words) {
    if (words.empty()) {
        return false;
    }
    for (std::size_t i = 1; i + 1 < words.size(); ++i) {
        if (words[i] == "-m" && (words[i + 1] == "pytest" || words[i + 1] == "py.test")) {
            return true;
        }
    }
    return is_named_pytest(words.front()) ||
           (runs_another(words.front()) &&
            std::any_of(words.begin() + 1, words.end(), is_named_pytest));
}

Result<std::filesystem::path> pytest_plugin_folder() {
    std::error_code error;
    const std::filesystem::path plugin = "pytest/pytest_hexcore/runner.py";
    if (const auto shipped = shipped_file(plugin)) {
        return shipped->parent_path().parent_path();
    }
    // Other programs of a build folder, tests for one, lie deeper in it than `hexcore`.
    for (auto folder = own_program().parent_path(); folder.has_relative_path();
         folder = folder.parent_path()) {
        if (std::filesystem::exists(folder / plugin, error)) {
            return folder / "pytest";
        }
    }
    return fail(ErrorCode::usage,
                "the plugin for pytest ({}) is not with {}; install Hexcore with all its files",
                plugin.string(), own_program().string());
}

std::vector<std::string> pytest_variables(const std::filesystem::path& plugin_folder,
                                          std::string_view channel) {
    nlohmann::json restored = nlohmann::json::object();
    std::vector<std::string> variables;
    const auto change = [&](const char* name, const std::string& addition, const char* between,
                            bool in_front) {
        const char* before = std::getenv(name);
        const std::string rest = before == nullptr ? "" : before;
        restored[name] = before == nullptr ? nlohmann::json() : nlohmann::json(rest);
        const std::string glue = rest.empty() ? "" : between;
        variables.push_back(
            fmt::format("{}={}", name, in_front ? addition + glue + rest : rest + glue + addition));
    };
    change("PYTHONPATH", plugin_folder.string(), ":", true);
    change("PYTEST_ADDOPTS", "-p pytest_hexcore.runner", " ", false);
    const auto set = [&](const char* name, std::string_view value) {
        variables.push_back(fmt::format("{}={}", name, value));
    };
    set("HEXCORE_TEST_CHANNEL", channel);
    set("HEXCORE_TEST_RESTORED",
        restored.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace));
    return variables;
}

}  // namespace hexcore
