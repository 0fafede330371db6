#pragma once

#include <memory>

#include "hexcore/isolate/told_tests.hpp"

namespace hexcore {

/// What Catch2's XML reporter writes, of either version, test case by test case.
[[nodiscard]] std::unique_ptr<ToldTests> catch2_told();

}  // namespace hexcore
