#pragma once

#include <memory>
#include <unordered_set>

#include "hexcore/isolate/told_tests.hpp"

namespace hexcore {

/// What GoogleTest prints on stdout of the tests with these names. What a test prints itself may
/// look like it: of a test's end only the one that runs can be meant, and no other begins before.
[[nodiscard]] std::unique_ptr<ToldTests> googletest_told(std::unordered_set<std::string> names);

}  // namespace hexcore
