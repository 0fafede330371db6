#include "hexcore/runtime/memory_breakdown.hpp"

#include <algorithm>

// A staging header, whose contents may change with any release of libllama; used here only.
#include "llama-ext.h"

namespace hexcore {
namespace {

Usage to_usage(const llama_memory_breakdown_data& data) {
    return {.weights = Bytes(data.model),
            .experts = {},
            .kv = Bytes(data.context),
            .recurrent = {},
            .compute = Bytes(data.compute),
            .staging = {}};
}

void add(Usage& sum, const Usage& more) {
    sum.weights += more.weights;
    sum.kv += more.kv;
    sum.compute += more.compute;
}

}  // namespace

bool reserve_compute(llama_context& context, std::uint32_t outputs) {
    const std::uint32_t sequences = llama_n_seq_max(&context);
    const std::uint32_t tokens = std::min(llama_n_ctx(&context), llama_n_ubatch(&context));
    // As libllama does it for a real context: a prompt, one token for each sequence, a prompt
    // again.
    return llama_graph_reserve(&context, tokens, sequences, std::min(tokens, outputs)) != nullptr &&
           llama_graph_reserve(&context, sequences, sequences, sequences) != nullptr &&
           llama_graph_reserve(&context, tokens, sequences, std::min(tokens, outputs)) != nullptr;
}

ggml_cgraph* reserve_graph(llama_context& context, std::uint32_t tokens, std::uint32_t sequences) {
    return llama_graph_reserve(&context, tokens, sequences, sequences);
}

DryRunUsage memory_breakdown(Machine& machine, const llama_context& context) {
    DryRunUsage usage{std::vector<Usage>(machine.size()), {}};
    for (const auto& [type, data] : llama_get_memory_breakdown(&context)) {
        bool is_ours = false;
        for (std::size_t i = 0; i < machine.size() && !is_ours; ++i) {
            Device& device = machine.device(DeviceId(i));
            if (type == device.buffer_type()) {
                add(usage.devices[i], to_usage(data));
                is_ours = true;
            } else if (type == device.expert_buffer_type()) {
                is_ours = true;
            }
        }
        if (!is_ours) {
            add(usage.host, to_usage(data));
        }
    }
    return usage;
}

}  // namespace hexcore
