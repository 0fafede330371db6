#include "hexcore/runtime/model_outputs.hpp"

#include "hexcore/runtime/llama_log.hpp"
#include "hexcore/runtime/memory_breakdown.hpp"
#include "hexcore/runtime/model_file.hpp"
#include "llama-cpp.h"

namespace hexcore {

Result<Outputs> outputs_of(const Inventory& inventory) {
    LlamaLog log;
    llama_model_params model_parameters = llama_model_default_params();
    model_parameters.n_gpu_layers = 0;
    model_parameters.no_alloc = true;
    model_parameters.load_mode = LLAMA_LOAD_MODE_NONE;
    HEXCORE_TRY(model, load_model_file(inventory, model_parameters));
    llama_context_params context_parameters = llama_context_default_params();
    context_parameters.n_ctx = 256;
    const llama_context_ptr context(model ? llama_init_from_model(model.get(), context_parameters)
                                          : nullptr);
    if (!context) {
        return fail(ErrorCode::bad_input, "libllama cannot use {}: {}",
                    inventory.files.front().string(), log.take_errors());
    }
    return computes_logits(*context) ? Outputs::logits : Outputs::embeddings;
}

}  // namespace hexcore
