#pragma once

#include "hexcore/base/result.hpp"

namespace hexcore {

/// Whether every Python that a watched command starts tells what its frameworks hold.
enum class PythonHook { off, on };

/// Sets, in this process's environment, what makes the programs of a command tell what they do:
/// NVTX's ranges, unless the variable for them names another tool, and what Python imports at its
/// start. Fails with ErrorCode::usage where Hexcore's Python package is not where it belongs.
[[nodiscard]] Result<void> let_programs_tell(PythonHook python);

}  // namespace hexcore
