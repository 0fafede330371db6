#pragma once

#include <filesystem>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// The demo model that `./dev model` makes, in cache_home(). Fails with ErrorCode::usage where it
/// has not been made.
[[nodiscard]] Result<std::filesystem::path> find_demo_model();

}  // namespace hexcore
