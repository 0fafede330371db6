#pragma once

#include "hexcore/base/result.hpp"
#include "hexcore/model/inventory.hpp"
#include "hexcore/runtime/load_parameters.hpp"

namespace hexcore {

/// What a model computes for each token, as libllama builds its graph: logits over its vocabulary,
/// or, for models that are made to embed texts, only embeddings. Nothing of the file's tensors is
/// read, and no GPU is touched. Fails with ErrorCode::bad_input where libllama cannot use the file,
/// and with does_not_fit where memory ran out.
[[nodiscard]] Result<Outputs> outputs_of(const Inventory& inventory);

}  // namespace hexcore
