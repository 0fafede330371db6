#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "ggml.h"
#include "hexcore/base/result.hpp"

namespace hexcore {

/// Computes each kind of operation in `graph` once with ggml's CPU kernels, over zeros: whatever a
/// kernel does not take of types, shapes and parameters stops the process here, before a model is
/// loaded. Weights are cut to a few rows and to one expert, so that it takes milliseconds however
/// large the model is. Behind each tensor lies a page that cannot be touched. `on_step` is told
/// what is tried, before it is. Fails with ErrorCode::bad_input for a type without a matrix
/// product, and with does_not_fit where the address space is too small.
[[nodiscard]] Result<void> try_operators(ggml_cgraph& graph,
                                         const std::function<void(std::string_view)>& on_step);

}  // namespace hexcore
