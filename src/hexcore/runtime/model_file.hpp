#pragma once

#include "hexcore/model/inventory.hpp"
#include "llama-cpp.h"

namespace hexcore {

/// Lets libllama load the inventory's files. A single file is opened here and handed over: by its
/// name libllama opens it twice, may find another file each time, and leaks the metadata where
/// the second time fails. The parts of a split model it opens by name. Null where libllama fails,
/// which says why in its log. Of tensors that stay in libllama's mapping nothing is read yet. Fails
/// with ErrorCode::bad_input where the file cannot be opened.
[[nodiscard]] Result<llama_model_ptr> load_model_file(const Inventory& inventory,
                                                      const llama_model_params& parameters);

}  // namespace hexcore
