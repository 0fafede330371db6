#pragma once

#include <filesystem>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// Makes a folder for a job's files, in which there is room for a small one. Fails with
/// ErrorCode::does_not_fit where there is not, as on a full disk.
[[nodiscard]] Result<void> make_scratch(const std::filesystem::path& folder);

/// With all that is in it.
void remove_scratch(const std::filesystem::path& folder);

}  // namespace hexcore
