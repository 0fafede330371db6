#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// A learned gate vector for attention to experts (docs/formats/gate.md), for states of `n_embd`
/// dimensions. Fails with ErrorCode::bad_input where the file cannot be read, is none, or is for
/// states of another size.
[[nodiscard]] Result<std::vector<float>> read_gate(const std::filesystem::path& file,
                                                   std::size_t n_embd);

}  // namespace hexcore
