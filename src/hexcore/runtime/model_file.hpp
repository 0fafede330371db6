#pragma once

#include "hexcore/model/inventory.hpp"
#include "hexcore/runtime/llama_log.hpp"
#include "llama-cpp.h"

namespace hexcore {

/// Lets libllama load the inventory's files. A single file is opened here and handed over: by its
/// name libllama opens it twice, may find another file each time, and leaks the metadata where
/// the second time fails. The parts of a split model it opens by name. Null where libllama fails,
/// which says why in its log. Of tensors that stay in libllama's mapping nothing is read yet. Fails
/// with ErrorCode::bad_input where the file cannot be opened.
[[nodiscard]] Result<llama_model_ptr> load_model_file(const Inventory& inventory,
                                                      const llama_model_params& parameters);

/// libllama's model of the inventory's files on the CPU, without memory for its tensors and without
/// a backend of any other device (each would take memory of its GPU). Fails with
/// ErrorCode::bad_input where libllama refuses the file, and with does_not_fit where the machine
/// refuses libllama what it keeps its books in; `log` has what it said.
[[nodiscard]] Result<llama_model_ptr> open_unallocated(const Inventory& inventory, LlamaLog& log);

}  // namespace hexcore
