// A model file's inventory as a ModelProfile.

#include <algorithm>
#include <set>
#include <string_view>

#include "hexcore/plan/expert_cache.hpp"
#include "hexcore/plan/profile.hpp"

namespace hexcore {
namespace {

/// The widths that activations are estimated from, as far as a layer's tensors tell them.
struct Widths {
    std::uint64_t query = 0;
    std::uint64_t dense_ffn = 0;
    std::uint64_t expert_ffn = 0;
};

/// A matrix's rows are its outputs; an up projection has as many as the FFN is wide.
void note_widths(const TensorInfo& tensor, Widths& widths) {
    const auto rows = static_cast<std::uint64_t>(std::max<std::int64_t>(tensor.shape[1], 0));
    switch (tensor.role) {
        case TensorRole::attention:
            if (tensor.name.find("attn_q") != std::string::npos) {
                widths.query = std::max(widths.query, rows);
            }
            return;
        case TensorRole::dense_ffn:
        case TensorRole::shared_expert:
            if (tensor.name.find("ffn_up") != std::string::npos) {
                widths.dense_ffn += rows;
            }
            return;
        case TensorRole::expert:
            if (tensor.name.find("ffn_up_exps") != std::string::npos) {
                widths.expert_ffn = rows;
            } else if (tensor.name.find("ffn_gate_up_exps") != std::string::npos) {
                widths.expert_ffn = rows / 2;
            }
            return;
        default:
            return;
    }
}

std::uint64_t activations(const Inventory& inventory, const Widths& widths,
                          const LayerShape& shape) {
    const std::uint64_t keys_values =
        std::uint64_t{shape.n_head_kv} * (shape.head_size_k + shape.head_size_v);
    const std::uint64_t experts = widths.expert_ffn == 0 ? 0 : inventory.n_experts_used;
    const std::uint64_t ffn =
        experts * (2 * widths.expert_ffn + inventory.n_embd) + 2 * widths.dense_ffn;
    return 2 * std::uint64_t{inventory.n_embd} + std::max(2 * widths.query + keys_values, ffn);
}

void add_adapter(const AdapterFile& adapter, ModelProfile& profile) {
    for (const AdapterPair& pair : adapter.pairs) {
        if (!pair.layer) {
            (pair.role == TensorRole::embedding ? profile.input_adapters
                                                : profile.output_adapters) += pair.bytes();
            continue;
        }
        LayerProfile& layer = profile.layers.at(pair.layer->value());
        if (pair.role == TensorRole::expert) {
            layer.expert_adapters += Bytes(pair.bytes().count() / pair.n_experts);
        } else {
            layer.adapters += pair.bytes();
        }
    }
}

}  // namespace

ModelProfile profile_from_inventory(const Inventory& inventory) {
    ModelProfile profile;
    profile.name = inventory.name;
    profile.architecture = inventory.architecture;
    profile.n_experts = inventory.n_experts;
    profile.n_experts_used = inventory.n_experts_used;
    profile.n_embd = inventory.n_embd;
    profile.n_vocab = inventory.n_vocab;
    profile.n_ctx_train = inventory.n_ctx_train;
    profile.some_sliding_window = inventory.sliding_window;
    profile.total = inventory.total_bytes();
    profile.layers.resize(inventory.n_layers);
    // Layers that predict further tokens are counted and split by libllama, but not loaded.
    const std::uint32_t n_loaded = inventory.n_layers - inventory.n_layers_nextn;
    std::vector<Widths> widths(inventory.n_layers);
    bool has_output = false;
    for (const TensorInfo& tensor : inventory.tensors) {
        if (tensor.layer) {
            const std::uint32_t l = tensor.layer->value();
            if (l >= n_loaded) {
                continue;
            }
            LayerProfile& layer = profile.layers[l];
            note_widths(tensor, widths[l]);
            if (tensor.role == TensorRole::expert) {
                layer.n_experts = tensor.n_experts;
                const Bytes part(tensor.bytes.count() / tensor.n_experts);
                layer.expert += part;
                layer.expert_slot += expert_part_size(part);
            } else {
                layer.weights += tensor.bytes;
            }
        } else if (tensor.role == TensorRole::embedding) {
            profile.input += tensor.bytes;
        } else {
            profile.output += tensor.bytes;
            has_output = has_output || tensor.name == "output.weight";
        }
    }
    if (!has_output) {
        profile.output += profile.input;  // libllama loads the embedding again as the output
    }
    for (std::uint32_t l = 0; l < n_loaded; ++l) {
        profile.layers[l].attention = inventory.layers[l];
        profile.layers[l].activations = activations(inventory, widths[l], inventory.layers[l]);
    }
    return profile;
}

void add_adapters(std::span<const std::vector<ChosenAdapter>> sets, ModelProfile& profile) {
    std::set<std::string_view> known;
    for (const std::vector<ChosenAdapter>& set : sets) {
        for (const ChosenAdapter& adapter : set) {
            if (known.insert(adapter.file.content).second) {
                add_adapter(adapter.file, profile);
            }
        }
    }
}

}  // namespace hexcore
