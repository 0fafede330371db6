#pragma once

#include <filesystem>
#include <vector>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// A learned gate vector for attention to experts (docs/formats/gate.md), of one value at least.
/// Fails with ErrorCode::bad_input where the file cannot be read, or is none.
[[nodiscard]] Result<std::vector<float>> read_gate(const std::filesystem::path& file);

}  // namespace hexcore
