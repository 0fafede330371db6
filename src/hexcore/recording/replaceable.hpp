#pragma once

#include <filesystem>

#include "hexcore/base/result.hpp"

namespace hexcore {

// What may be written over where a user names a file, perhaps by mistake. These fail with
// ErrorCode::usage, and what is empty, no file or not there is no loss.

/// A recording takes the place of another one, and of nothing else.
[[nodiscard]] Result<void> replaceable_by_recording(const std::filesystem::path& path);

/// A report takes the place of any file but of what it could be about, and of models: neither is
/// easily made again.
[[nodiscard]] Result<void> replaceable_by_report(const std::filesystem::path& path);

}  // namespace hexcore
