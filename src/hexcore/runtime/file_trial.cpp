#include "hexcore/runtime/file_trial.hpp"

#include <algorithm>

#include "hexcore/runtime/context_memory.hpp"
#include "hexcore/runtime/model_file.hpp"
#include "hexcore/runtime/operator_trial.hpp"
#include "hexcore/runtime/vocabulary_trial.hpp"
#include "llama-cpp.h"

namespace hexcore {
namespace {

using OnStep = std::function<void(std::string_view)>;

// Kernels look at every token of the cache, so they are tried with a short one.
constexpr std::uint32_t short_context = 256;
constexpr std::uint32_t short_prompt = 4;

llama_context_ptr make_context(llama_model& model, const ContextShape& shape) {
    return llama_context_ptr(llama_init_from_model(&model, context_parameters(shape, {})));
}

Result<void> try_graphs(llama_model& model, ContextShape shape, const OnStep& on_step) {
    shape.tokens = TokenCount(short_context * shape.sequences);
    on_step("building its graphs for a short context");
    const llama_context_ptr context = make_context(model, shape);
    if (!context) {
        return {};
    }
    for (const std::uint32_t each : {1U, short_prompt}) {
        on_step("building a graph for few tokens");
        const std::uint32_t tokens = each * shape.sequences;
        if (ggml_cgraph* graph = reserve_graph(*context, tokens, shape.sequences)) {
            HEXCORE_TRY_VOID(try_operators(*graph, on_step));
        }
    }
    return {};
}

}  // namespace

Result<void> try_file(const Inventory& inventory, const ContextShape& shape,
                      const OnStep& on_step) {
    LlamaLog log;
    on_step("reading metadata and vocabulary");
    HEXCORE_TRY(model, open_unallocated(inventory, log));
    try_vocabulary(*model, on_step);
    on_step("making a context and its graphs");
    if (!make_context(*model, shape)) {
        return {};
    }
    return try_graphs(*model, shape, on_step).map_error([&](Error error) {
        error.message =
            fmt::format("{}: {}", inventory.files.front().string(), std::move(error.message));
        return error;
    });
}

}  // namespace hexcore
