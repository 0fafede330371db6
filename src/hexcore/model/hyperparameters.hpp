#pragma once

#include "hexcore/model/gguf_metadata.hpp"
#include "hexcore/model/inventory.hpp"

namespace hexcore {

/// Fills in what the metadata says of the whole model: architecture, counts of layers and experts,
/// sizes and attention geometry. `name` stays as it is without a `general.name`. Fails with
/// ErrorCode::bad_input, naming the key, also for counts at which libllama would stop the program.
[[nodiscard]] Result<void> read_hyperparameters(const GgufMetadata& metadata, Inventory& inventory);

}  // namespace hexcore
