#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "hexcore/base/result.hpp"

namespace hexcore::test {

/// How a tiny model of an architecture differs from the simplest one.
struct TinyVariant {
    std::string name;
    /// With all tensors that the architecture can do without: biases, scales of single experts,
    /// gate and up projections fused into one tensor. Else with as few as libllama takes.
    bool optional_tensors = false;
    bool grouped = false;      ///< experts in two groups, of which a token uses one
    bool next_tokens = false;  ///< one layer more, which predicts further tokens
};

/// Every architecture that the pinned llama.cpp knows by name.
[[nodiscard]] std::vector<std::string> all_architectures();

/// Writes a tiny model with random weights and eight experts, where the architecture has any, from
/// the metadata that llama.cpp's own tests have for it. libllama makes the tensors. Fails where
/// that metadata is not enough for a model; libllama may also end the process.
[[nodiscard]] Result<void> write_architecture(const std::string& architecture,
                                              const TinyVariant& variant,
                                              const std::filesystem::path& path);

}  // namespace hexcore::test
