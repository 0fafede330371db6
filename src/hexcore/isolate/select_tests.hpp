#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/isolate/history.hpp"
#include "hexcore/isolate/test_case.hpp"

namespace hexcore {

/// One of so many parts of the tests.
struct Partition {
    std::uint32_t part = 1;
    std::uint32_t of = 1;
};

/// Reads "2/5". Fails with ErrorCode::usage for anything else.
[[nodiscard]] Result<Partition> parse_partition(const std::string& text);

struct Selection {
    std::vector<std::string> filters = {};  ///< a test that fits one of them is meant; none: all
    std::optional<Partition> partition = {};
    bool failed_before = false;                 ///< only those that failed in their last run
    std::optional<std::uint64_t> shuffle = {};  ///< the seed of another order
};

/// The tests that are meant, in their order, with those that set up and clean up what these need.
/// All of a group are in one partition. Fails with ErrorCode::usage for a filter that cannot be
/// read.
[[nodiscard]] Result<std::vector<TestCase>> select_tests(std::vector<TestCase> tests,
                                                         const Selection& selection,
                                                         const TestHistory::Runs& history);

}  // namespace hexcore
