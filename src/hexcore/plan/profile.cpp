#include "hexcore/plan/profile.hpp"

#include <algorithm>

#include "hexcore/plan/kv_cache.hpp"

namespace hexcore {

ModelFacts facts_for(const ModelProfile& profile, const ContextShape& context) {
    ModelFacts facts;
    facts.name = profile.name;
    facts.architecture = profile.architecture;
    facts.n_experts = profile.n_experts;
    facts.n_experts_used = profile.n_experts_used;
    facts.input = profile.input;
    facts.output = profile.output;
    facts.input_adapters = profile.input_adapters;
    facts.output_adapters = profile.output_adapters;
    ContextShape trained;
    trained.tokens = TokenCount(profile.n_ctx_train);
    trained.ubatch = context.ubatch;
    for (const LayerProfile& layer : profile.layers) {
        LayerFacts& placed = facts.layers.emplace_back();
        placed.weights = layer.weights;
        placed.kv = kv_cache_bytes(layer.attention, layer.sliding_window, padded(context)) *
                    profile.contexts;
        const std::uint32_t window = std::max(layer.sliding_window, profile.some_sliding_window);
        placed.kv_least =
            kv_cache_bytes(layer.attention, window, padded(context)) * profile.contexts;
        placed.kv_trained = kv_cache_bytes(layer.attention, layer.sliding_window, padded(trained));
        placed.n_experts = layer.n_experts;
        placed.expert = layer.expert;
        placed.adapters = layer.adapters;
        placed.expert_adapters = layer.expert_adapters;
    }
    return facts;
}

}  // namespace hexcore
