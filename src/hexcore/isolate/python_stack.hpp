#pragma once

#include <string_view>

#include "hexcore/isolate/test_results.hpp"

namespace hexcore {

/// The stack that Python's faulthandler has written among what a process wrote, of the thread that
/// crashed; pytest enables it. Without one a note says so.
[[nodiscard]] CrashStack python_stack(std::string_view output);

}  // namespace hexcore
