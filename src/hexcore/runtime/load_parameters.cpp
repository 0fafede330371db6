#include "hexcore/runtime/load_parameters.hpp"

#include <algorithm>

#include "hexcore/device/processor.hpp"
#include "hexcore/runtime/routing_watch.hpp"

namespace hexcore {
namespace {

ggml_type to_ggml(KvType type) {
    switch (type) {
        case KvType::f16:
            return GGML_TYPE_F16;
        case KvType::q8_0:
            return GGML_TYPE_Q8_0;
        case KvType::q4_0:
            return GGML_TYPE_Q4_0;
    }
    return GGML_TYPE_F16;
}

/// Matches the merged expert tensors of the layers whose home is `home`; empty where it has none.
std::string expert_pattern(const Placement& placement, DeviceId home) {
    std::string layers;
    for (std::size_t layer = 0; layer < placement.layer_device.size(); ++layer) {
        if (placement.layer_device[layer] == home && !placement.expert_device[layer].empty()) {
            layers += fmt::format("{}{}", layers.empty() ? "" : "|", layer);
        }
    }
    return layers.empty()
               ? layers
               : fmt::format("^blk\\.({})\\.ffn_(gate|up|down|gate_up)_exps\\.weight$", layers);
}

}  // namespace

LoadParameters::LoadParameters(Machine& machine, const Plan& plan) : LoadParameters() {
    const std::vector<std::uint32_t> split = layer_split(plan.placement, machine.size());
    for (std::size_t i = 0; i < machine.size(); ++i) {
        const DeviceId id(i);
        add_device(machine.device(id).handle(), split[i]);
        if (std::string pattern = expert_pattern(plan.placement, id); !pattern.empty()) {
            patterns_.push_back(std::move(pattern));
            overrides_.push_back({nullptr, machine.device(id).expert_buffer_type()});
        }
    }
    for (std::size_t i = 0; i < patterns_.size(); ++i) {
        overrides_[i].pattern = patterns_[i].c_str();
    }
    finish();
}

LoadParameters LoadParameters::stock(Machine& machine, const Plan& plan) {
    LoadParameters parameters;
    const std::vector<std::uint32_t> split = layer_split(plan.placement, machine.size());
    for (std::size_t i = 0; i < machine.size() && !machine.has_host(); ++i) {
        parameters.add_device(machine.device(DeviceId(i)).stock_device(), split[i]);
    }
    parameters.finish();
    return parameters;
}

LoadParameters LoadParameters::on_cpu() {
    LoadParameters parameters;
    parameters.finish();
    return parameters;
}

void LoadParameters::add_device(ggml_backend_dev_t device, std::uint32_t entries) {
    if (entries == 0) {
        return;  // libllama need not know of a device that only holds experts
    }
    devices_.push_back(device);
    split_.push_back(static_cast<float>(entries));
}

void LoadParameters::finish() {
    model_.n_gpu_layers = devices_.empty() ? 0 : -1;
    overrides_.push_back({nullptr, nullptr});
    devices_.push_back(nullptr);
    split_.resize(std::max(split_.size(), llama_max_devices()), 0.0F);
    model_.devices = devices_.data();
    model_.tensor_split = split_.data();
    model_.tensor_buft_overrides = overrides_.data();
    model_.split_mode = LLAMA_SPLIT_MODE_LAYER;
    // Repacked weights would be another copy of theirs, outside every budget.
    model_.use_extra_bufts = false;
}

llama_context_params context_parameters(const ContextShape& shape, const ContextOptions& options) {
    llama_context_params parameters = llama_context_default_params();
    parameters.n_ctx = shape.tokens.value();
    parameters.n_seq_max = shape.sequences;
    parameters.n_ubatch = shape.ubatch.value();
    parameters.n_batch = std::max(parameters.n_batch, parameters.n_ubatch);
    parameters.n_outputs_max =
        std::min(parameters.n_batch, std::max(options.outputs, shape.sequences));
    parameters.swa_full = shape.swa_full;
    parameters.type_k = to_ggml(shape.kv_type);
    parameters.type_v = to_ggml(shape.kv_type);
    parameters.n_threads = options.threads > 0 ? options.threads : usable_cores();
    parameters.n_threads_batch = parameters.n_threads;
    if (options.routing != nullptr) {
        parameters.cb_eval = RoutingWatch::observe;
        parameters.cb_eval_user_data = options.routing;
    }
    if (options.wanted == Outputs::embeddings || options.states) {
        parameters.embeddings = true;
        parameters.pooling_type = LLAMA_POOLING_TYPE_NONE;  // one for each token
    }
    return parameters;
}

llama_context_ptr new_context(llama_model& model, const ContextShape& shape,
                              const ContextOptions& options) {
    llama_context_ptr context(llama_init_from_model(&model, context_parameters(shape, options)));
    if (context && options.wanted == Outputs::logits) {
        // From now on only where somebody asks: with them every token of a batch has an output.
        llama_set_embeddings(context.get(), false);
    }
    return context;
}

}  // namespace hexcore
