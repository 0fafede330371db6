#include "hexcore/runtime/context_memory.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

// Internal headers, whose contents may change with any release of libllama; used here only.
#include "llama-context.h"
#include "llama-ext.h"
#include "llama-kv-cache.h"
#include "llama-model.h"

namespace hexcore {
namespace {

/// The device of the machine whose buffer type that is; null for host memory.
Device* device_with(Machine& machine, ggml_backend_buffer_type_t type) {
    for (std::size_t i = 0; i < machine.size(); ++i) {
        Device& device = machine.device(DeviceId(i));
        if (type == device.buffer_type() || type == device.expert_buffer_type()) {
            return &device;
        }
    }
    return nullptr;
}

/// By tensor: libllama's own sum is that of its buffers, and one over a mapping of the file covers
/// all that lies between the tensors, too.
Bytes host_weights(Machine& machine, const llama_model& model) {
    Bytes sum;
    for (const auto& [name, tensor] : llama_internal_get_tensor_map(&model)) {
        if (device_with(machine, ggml_backend_buffer_get_type(tensor->buffer)) == nullptr) {
            sum += Bytes(ggml_nbytes(tensor));
        }
    }
    return sum;
}

/// From the scheduler: in a dry run libllama's own sum is that of the first graph it reserved.
Bytes host_compute(Machine& machine, ggml_backend_sched_t scheduler) {
    Bytes sum;
    for (int i = 0; i < ggml_backend_sched_get_n_backends(scheduler); ++i) {
        ggml_backend_t backend = ggml_backend_sched_get_backend(scheduler, i);
        if (device_with(machine, ggml_backend_sched_get_buffer_type(scheduler, backend)) ==
            nullptr) {
            sum += Bytes(ggml_backend_sched_get_buffer_size(scheduler, backend));
        }
    }
    return sum;
}

/// The matrix of decays in this linear attention grows with the square of a sequence's tokens, so
/// that a prompt of one sequence takes more than the same tokens of several.
bool reserves_one_sequence(const llama_context& context) {
    std::array<char, 64> architecture{};
    llama_model_meta_val_str(llama_get_model(&context), "general.architecture", architecture.data(),
                             architecture.size());
    const std::string_view name = architecture.data();
    return name == "kimi-linear" || name == "minimax-01";
}

/// While it lives, weights and cache of a model that was loaded with no_alloc have an address, at
/// which nobody looks. libllama reserves graphs without one, but the graph that moves keys it only
/// allocates, and takes what has none for a tensor that is to get one.
class GivenAddresses {
public:
    explicit GivenAddresses(ggml_cgraph& graph) {
        for (int i = 0; i < ggml_graph_n_nodes(&graph); ++i) {
            for (ggml_tensor* source : ggml_graph_node(&graph, i)->src) {
                give(source);
                give(source == nullptr ? nullptr : source->view_src);
            }
        }
    }
    ~GivenAddresses() {
        for (ggml_tensor* tensor : given_) {
            tensor->data = nullptr;
        }
    }
    GivenAddresses(const GivenAddresses&) = delete;
    GivenAddresses& operator=(const GivenAddresses&) = delete;

private:
    void give(ggml_tensor* tensor) {
        if (tensor != nullptr && tensor->buffer != nullptr && tensor->data == nullptr &&
            tensor->view_src == nullptr) {
            tensor->data = &nowhere_;
            given_.push_back(tensor);
        }
    }

    std::byte nowhere_{};
    std::vector<ggml_tensor*> given_;
};

}  // namespace

bool reserve_compute(llama_context& context, std::uint32_t outputs) {
    const std::uint32_t sequences = llama_n_seq_max(&context);
    const std::uint32_t tokens = std::min(llama_n_ctx(&context), llama_n_ubatch(&context));
    const std::uint32_t prompt_outputs = std::min(tokens, outputs);
    // As libllama does it for a real context (llama_context::sched_reserve): a prompt, one token
    // for each sequence, a prompt again, which some architectures take for one sequence's then.
    return llama_graph_reserve(&context, tokens, sequences, prompt_outputs) != nullptr &&
           llama_graph_reserve(&context, sequences, sequences, sequences) != nullptr &&
           llama_graph_reserve(&context, tokens, reserves_one_sequence(context) ? 1 : sequences,
                               prompt_outputs) != nullptr;
}

bool has_one_kv_cache(const llama_context& context) {
    return dynamic_cast<llama_kv_cache*>(llama_get_memory(&context)) != nullptr;
}

bool reserve_key_shift(llama_context& context) {
    if (llama_model_rope_type(llama_get_model(&context)) == LLAMA_ROPE_TYPE_NONE) {
        return true;  // keys know nothing of their positions
    }
    auto* cache = dynamic_cast<llama_kv_cache*>(llama_get_memory(&context));
    const std::uint32_t sequences = llama_n_seq_max(&context);
    ggml_cgraph* graph = cache == nullptr ? nullptr : reserve_graph(context, sequences, sequences);
    if (graph == nullptr) {
        return false;
    }
    const GivenAddresses addresses(*graph);
    return cache->update(&context, true, {});
}

bool computes_logits(llama_context& context) {
    // By this name libllama's graphs know what they hand out as logits.
    ggml_cgraph* graph = llama_graph_reserve(&context, 1, 1, 1);
    return graph != nullptr && ggml_graph_get_tensor(graph, "result_output") != nullptr;
}

ggml_cgraph* reserve_graph(llama_context& context, std::uint32_t tokens, std::uint32_t sequences) {
    return llama_graph_reserve(&context, tokens, sequences, sequences);
}

DryRunUsage context_usage(Machine& machine, const llama_context& context) {
    DryRunUsage usage{std::vector<Usage>(machine.size()), {}, {}};
    for (const auto& [type, data] : llama_get_memory_breakdown(&context)) {
        Device* device = device_with(machine, type);
        if (device == nullptr) {
            usage.host.kv += Bytes(data.context);
        } else if (type == device->buffer_type()) {
            usage.devices[device->id().value()].weights += Bytes(data.model);
            usage.devices[device->id().value()].kv += Bytes(data.context);
        }
    }
    usage.host.weights = host_weights(machine, *llama_get_model(&context));
    usage.host.compute = host_compute(machine, context.get_sched());
    return usage;
}

DryRunUsage contexts_usage(Machine& machine, std::span<const llama_context_ptr> contexts) {
    DryRunUsage usage = context_usage(machine, *contexts.front());
    for (const llama_context_ptr& context : contexts.subspan(1)) {
        const DryRunUsage more = context_usage(machine, *context);
        usage.host.kv += more.host.kv;
        usage.host.compute += more.host.compute;
        for (std::size_t i = 0; i < usage.devices.size(); ++i) {
            usage.devices[i].kv += more.devices[i].kv;
        }
    }
    return usage;
}

}  // namespace hexcore
