#include "hexcore/runtime/model_outputs.hpp"

#include "hexcore/runtime/context_memory.hpp"
#include "hexcore/runtime/load_error.hpp"
#include "hexcore/runtime/model_file.hpp"
#include "llama-cpp.h"

namespace hexcore {

Result<Outputs> outputs_of(const Inventory& inventory) {
    LlamaLog log;
    HEXCORE_TRY(model, open_unallocated(inventory, log));
    llama_context_params context_parameters = llama_context_default_params();
    context_parameters.n_ctx = 256;
    const llama_context_ptr context(llama_init_from_model(model.get(), context_parameters));
    if (!context) {
        return tl::unexpected(
            libllama_error(log.take_errors(), inventory, "cannot make a context of the file"));
    }
    return computes_logits(*context) ? Outputs::logits : Outputs::embeddings;
}

}  // namespace hexcore
