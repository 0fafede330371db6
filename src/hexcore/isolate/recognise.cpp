#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string_view>
#include <utility>

#include "hexcore/isolate/ask_program.hpp"
#include "hexcore/isolate/catch2_suite.hpp"
#include "hexcore/isolate/ctest_suite.hpp"
#include "hexcore/isolate/googletest_suite.hpp"
#include "hexcore/isolate/program_words.hpp"
#include "hexcore/isolate/pytest_command.hpp"
#include "hexcore/isolate/pytest_suite.hpp"
#include "hexcore/isolate/test_suite.hpp"

namespace hexcore {
namespace {

/// What programs of each framework say of themselves when they are asked for help.
constexpr std::string_view googletest_words = "tests written using Google Test";
constexpr std::string_view catch2_words = "Catch2 v";
constexpr std::string_view catch2_older_words = "Catch v2";

bool says(const ProgramAnswer& answer, std::string_view words) {
    return answer.out.find(words) != std::string::npos ||
           answer.err.find(words) != std::string::npos;
}

}  // namespace

Result<std::unique_ptr<TestSuite>> recognise(const std::vector<std::string>& command,
                                             const std::atomic<bool>* stop) {
    if (command.empty()) {
        return fail(ErrorCode::usage, "there is no command whose tests could be run");
    }
    const std::string name = std::filesystem::path(command.front()).filename().string();
    if (name == "ctest") {
        return std::make_unique<CtestSuite>(command);
    }
    if (is_pytest(command)) {
        return std::make_unique<PytestSuite>(command);
    }
    const auto is_none = [&command] {
        return fail(ErrorCode::usage,
                    "`{}` is none of the test programs that are known here: it is no program with "
                    "GoogleTest or Catch2, and it is not called ctest, pytest or python -m pytest",
                    shown_command({command.front()}));
    };
    if (!may_have_tests(command.front())) {
        return is_none();
    }
    constexpr auto deadline = std::chrono::seconds(20);
    HEXCORE_TRY(answer,
                ask_program({.words = {command.front(), "--help"}, .deadline = deadline}, stop));
    if (says(answer, googletest_words)) {
        return std::make_unique<GoogletestSuite>(command);
    }
    if (says(answer, catch2_words) || says(answer, catch2_older_words)) {
        return std::make_unique<Catch2Suite>(command);
    }
    return is_none();
}

}  // namespace hexcore
