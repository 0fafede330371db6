#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/isolate/test_case.hpp"

namespace hexcore {

/// Test cases by the XML that version 3 lists them in; nothing: it is no such document.
[[nodiscard]] std::optional<std::vector<TestCase>> read_catch2_xml(const std::string& xml);

/// Test cases by the two texts in which version 2 lists them: `names` has a line of each name with
/// its place (a name may have line breaks), `lines` each name and its tags, broken to fit 80
/// columns. Fails with ErrorCode::usage where the tags of one cannot be told from its name and
/// there are some that say a budget.
[[nodiscard]] Result<std::vector<TestCase>> read_catch2_text(const std::string& names,
                                                             const std::string& lines);

/// `[fast][memory:1GiB]` as fast and memory:1GiB.
[[nodiscard]] std::vector<std::string> split_tags(const std::string& tags);

}  // namespace hexcore
