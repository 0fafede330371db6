#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/cage/outcome.hpp"
#include "hexcore/isolate/test_case.hpp"
#include "hexcore/isolate/test_suite.hpp"
#include "hexcore/isolate/text_pattern.hpp"

namespace hexcore {

/// What CTest knows of a test that only running and judging it need.
struct CtestProperties {
    std::vector<std::string> command;  ///< empty: its program is missing
    std::string folder;
    std::vector<std::string> environment;    ///< "NAME=value"
    std::vector<std::string> modifications;  ///< "NAME=operation:value"
    std::vector<std::string> required_files;
    std::vector<TextPattern> pass;  ///< one of them has to be in the output
    std::vector<TextPattern> fail;  ///< none of them may be
    std::vector<TextPattern> skip;
    std::optional<int> skip_code;
    bool will_fail = false;
    /// Properties that change what CTest would do, and that nothing here honours.
    std::vector<std::string> not_honoured;
};

/// Reads one of "tests" in what `ctest --show-only=json-v1` prints: what concerns when it runs to
/// `test` (whose id and name are there already, and whose `depends_on` become names), the rest to
/// the result. Fails with ErrorCode::usage for an expression or a budget that is none.
[[nodiscard]] Result<CtestProperties> read_ctest_properties(const nlohmann::json& listed,
                                                            TestCase& test);

/// The whole environment of a test: `base` with its ENVIRONMENT, then its ENVIRONMENT_MODIFICATION.
[[nodiscard]] std::vector<std::string> ctest_environment(const CtestProperties& properties,
                                                         const std::vector<std::string>& base);

/// As CTest does: by expressions in the output first, then by the exit code; WILL_FAIL turns that
/// round, but not a crash.
[[nodiscard]] TestJudgement judge_ctest(const CtestProperties& properties,
                                        const CageOutcome& outcome);

}  // namespace hexcore
