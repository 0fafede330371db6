#pragma once

#include <filesystem>
#include <vector>

#include "hexcore/model/gguf_header.hpp"
#include "hexcore/model/inventory.hpp"

namespace hexcore {

/// One file of a model, read but not yet judged as a part of the whole.
struct InventoryPart {
    std::filesystem::path path;
    GgufHeader header;
    FileStamp stamp = {};
};

/// Puts the parts of a model (one, unless it is split) together, in their order: hyperparameters
/// from the first, role, layer and experts of every tensor. Fails with ErrorCode::bad_input where
/// the parts disagree with each other or a tensor with the hyperparameters, naming file and tensor.
[[nodiscard]] Result<Inventory> assemble_inventory(std::vector<InventoryPart> parts);

}  // namespace hexcore
