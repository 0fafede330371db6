#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/result.hpp"
#include "hexcore/model/adapter_file.hpp"
#include "hexcore/model/inventory.hpp"
#include "hexcore/plan/facts.hpp"
#include "hexcore/plan/plan.hpp"

namespace hexcore {

/// One layer of a ModelProfile: what it weighs, and what its KV cache and graph grow with.
struct LayerProfile {
    Bytes weights;                     ///< all weights except the routed experts
    std::uint32_t n_experts = 0;       ///< 0 for a layer without routed experts
    Bytes expert;                      ///< one routed expert
    Bytes expert_slot = {};            ///< the same in an expert cache, part by part
    Bytes adapters;                    ///< of `weights`
    Bytes expert_adapters;             ///< of one routed expert
    LayerShape attention;              ///< of the KV cache
    std::uint32_t sliding_window = 0;  ///< tokens that attention looks back; 0: all of them
    /// Elements of the activations that are alive at once for one token, at the widest point of the
    /// layer; what compute buffers are estimated from.
    std::uint64_t activations = 0;
};

/// A model before a context is chosen: everything that planning without a dry run needs.
struct ModelProfile {
    std::string name;
    std::string architecture;
    std::uint32_t n_experts = 0;       ///< routed experts of a layer, the most over all layers
    std::uint32_t n_experts_used = 0;  ///< of them, for each token
    std::uint32_t n_embd = 0;
    std::uint32_t n_vocab = 0;
    std::uint32_t n_ctx_train = 0;
    /// The window of layers of which it is not known which they are; 0: known by layer, or none.
    std::uint32_t some_sliding_window = 0;
    std::vector<LayerProfile> layers;
    Bytes input;                   ///< token embedding
    Bytes output;                  ///< output norm and head
    Bytes input_adapters;          ///< of `input`
    Bytes output_adapters;         ///< of `output`
    Bytes total;                   ///< all weights, as the file has them
    std::uint64_t parameters = 0;  ///< elements of all tensors; 0: not counted
    /// So many contexts side by side, each with a cache and compute buffers of its own.
    std::uint32_t contexts = 1;
};

/// From the tensors of a model file: sizes are the file's, the rest is derived from tensor shapes.
[[nodiscard]] ModelProfile profile_from_inventory(const Inventory& inventory);

/// Adds what the adapters of it in these sets take, each of which is there once.
void add_adapters(std::span<const std::vector<ChosenAdapter>> sets, ModelProfile& profile);

/// From a built-in shape (shape_names()) with every matrix in the ggml type or the types of the mix
/// that `quant` names (QuantMix), norms and routers in F32, as llama-quantize stores them. Fails
/// with ErrorCode::usage for an unknown shape or type, naming the known ones.
[[nodiscard]] Result<ModelProfile> profile_from_shape(std::string_view name,
                                                      std::string_view quant);

/// Names of the built-in shapes, sorted.
[[nodiscard]] std::vector<std::string> shape_names();
/// The ggml types that a matrix may have.
[[nodiscard]] std::vector<std::string> quant_names();

/// Where a built-in shape's numbers come from, for people. Empty for an unknown shape.
[[nodiscard]] std::string shape_source(std::string_view name);

/// The terms of placement for one context.
[[nodiscard]] ModelFacts facts_for(const ModelProfile& profile, const ContextShape& context);

}  // namespace hexcore
