#pragma once

#include "hexcore/base/result.hpp"

namespace hexcore {

/// Whether the ggml that this code runs with is the one it was compiled for: its version, its
/// numbers for operations and types, and where the fields of its structures lie, as far as its
/// functions show. For code that is loaded into another's program. Fails with
/// ErrorCode::missing_device, saying what differs. Whether the backend API's version is the same
/// is for ggml to check, once it has our registry.
[[nodiscard]] Result<void> check_ggml_layout();

}  // namespace hexcore
