#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/cage/outcome.hpp"
#include "hexcore/isolate/test_suite.hpp"

namespace hexcore {

/// This process's environment as "NAME=value", with `set` in place of what has those names and
/// without the names in `unset`.
[[nodiscard]] std::vector<std::string> changed_environment(
    const std::vector<std::string>& set, const std::vector<std::string_view>& unset);

/// What history knows a program by: its path, whole and without links where it can be found.
[[nodiscard]] std::string program_identity(const std::string& program);

/// How a process ended, for people: "exit code 3", "SIGSEGV (Segmentation fault)".
[[nodiscard]] std::string ending_text(const CageOutcome& outcome);

/// What is to be said whatever the framework's report says: it never began, or a signal ended it.
/// `finished`: the report says that the test had ended before. Kind::passed: nothing.
[[nodiscard]] TestJudgement judge_ending(const CageOutcome& outcome, bool finished);

/// Its lines without blanks around them, joined and shortened: a reason to show in one line.
[[nodiscard]] std::string one_line(std::string_view text);

/// What a small file of results holds; empty where there is none.
[[nodiscard]] std::string result_file(const std::filesystem::path& path);

}  // namespace hexcore
