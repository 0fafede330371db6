#include "hexcore/model/hyperparameters.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "hexcore/base/printable.hpp"
#include "hexcore/model/byte_cursor.hpp"

namespace hexcore {

namespace {

// LLAMA_MAX_LAYERS and LLAMA_MAX_EXPERTS of llama.cpp's llama-hparams.h.
constexpr std::uint32_t layers_max = 512;
constexpr std::uint32_t experts_max = 1024;
constexpr std::size_t name_bytes_max = 80;

/// Other files of llama.cpp's are GGUF too, and lie beside models.
Result<void> check_is_model(const GgufMetadata& metadata) {
    HEXCORE_TRY(type, metadata.text_or("general.type", "model"));
    HEXCORE_TRY(architecture, metadata.text_or("general.architecture", ""));
    if (type == "mmproj" || architecture == "clip") {
        return fail(ErrorCode::bad_input,
                    "is a projector for images or sound (mmproj), not a model; name the language "
                    "model that it belongs to, which runs without it");
    }
    if (type == "adapter") {
        return fail(ErrorCode::bad_input,
                    "is a LoRA adapter, not a model; name the model that it was made for");
    }
    if (type == "imatrix") {
        return fail(ErrorCode::bad_input,
                    "is an importance matrix (imatrix), from which models are quantised, not a "
                    "model; name a model");
    }
    return {};
}

/// The keys of one architecture: `llama.block_count` and so on.
class ArchitectureKeys {
public:
    ArchitectureKeys(const GgufMetadata& metadata, std::string architecture)
        : metadata_(metadata), architecture_(std::move(architecture)) {}

    [[nodiscard]] std::string key(std::string_view name) const {
        return fmt::format("{}.{}", architecture_, name);
    }
    [[nodiscard]] Result<std::uint32_t> number(std::string_view name) const {
        return metadata_.number(key(name));
    }
    [[nodiscard]] Result<std::uint32_t> number_or(std::string_view name,
                                                  std::uint32_t fallback) const {
        return metadata_.number_or(key(name), fallback);
    }
    [[nodiscard]] Result<std::vector<std::uint32_t>> numbers_or(
        std::string_view name, std::vector<std::uint32_t> fallback) const {
        return metadata_.numbers_or(key(name), std::move(fallback));
    }

private:
    const GgufMetadata& metadata_;
    std::string architecture_;
};

Result<void> read_counts(const ArchitectureKeys& keys, Inventory& inventory) {
    HEXCORE_TRY(n_layers, keys.number("block_count"));
    if (n_layers == 0 || n_layers > layers_max) {
        return fail(ErrorCode::bad_input, "key {} is {}, but must be 1 to {}",
                    in_quotes(keys.key("block_count")), n_layers, layers_max);
    }
    HEXCORE_TRY(n_nextn, keys.number_or("nextn_predict_layers", 0));
    if (n_nextn >= n_layers) {
        return fail(ErrorCode::bad_input, "key {} is {}, but the model has {} layers in all",
                    in_quotes(keys.key("nextn_predict_layers")), n_nextn, n_layers);
    }
    HEXCORE_TRY(n_experts, keys.number_or("expert_count", 0));
    if (n_experts > experts_max) {
        return fail(ErrorCode::bad_input, "key {} is {}, but must be at most {}",
                    in_quotes(keys.key("expert_count")), n_experts, experts_max);
    }
    // Some models use a different number in each layer; the most is what a token can need.
    HEXCORE_TRY(used,
                keys.numbers_or("expert_used_count", std::vector<std::uint32_t>(n_layers, 0)));
    const std::uint32_t n_used = std::ranges::max(used);
    if (n_used > n_experts || (n_experts > 0 && n_used == 0)) {
        return fail(ErrorCode::bad_input, "key {} is {}, but {} is {}",
                    in_quotes(keys.key("expert_used_count")), n_used,
                    in_quotes(keys.key("expert_count")), n_experts);
    }
    inventory.n_layers = n_layers;
    inventory.n_layers_nextn = n_nextn;
    inventory.n_experts = n_experts;
    inventory.n_experts_used = n_used;
    return {};
}

/// The rules of llama_model::load_hparams: no `head_count_kv` means as many as `head_count`, no
/// `key_length` means n_embd over the number of heads.
Result<void> read_attention(const ArchitectureKeys& keys, Inventory& inventory) {
    HEXCORE_TRY(n_heads, keys.numbers_or("attention.head_count",
                                         std::vector<std::uint32_t>(inventory.n_layers, 0)));
    HEXCORE_TRY(n_heads_kv, keys.numbers_or("attention.head_count_kv", n_heads));
    const auto with_heads = std::ranges::find_if(n_heads, [](auto count) { return count > 0; });
    const std::uint32_t size = with_heads == n_heads.end() ? 0 : inventory.n_embd / *with_heads;
    HEXCORE_TRY(size_k, keys.number_or("attention.key_length", size));
    HEXCORE_TRY(size_v, keys.number_or("attention.value_length", size));
    HEXCORE_TRY(latent_k, keys.number_or("attention.key_length_mla", 0));
    HEXCORE_TRY(latent_v, keys.number_or("attention.value_length_mla", 0));
    const bool is_latent = latent_k != 0 && latent_v != 0;
    inventory.layers.clear();
    for (const std::uint32_t count : n_heads_kv) {
        inventory.layers.push_back(LayerShape{count, size_k, is_latent ? 0 : size_v});
    }
    return {};
}

Result<std::uint32_t> read_vocabulary_size(const GgufMetadata& metadata,
                                           const ArchitectureKeys& keys) {
    const std::string_view key = "tokenizer.ggml.tokens";
    const GgufValue* tokens = metadata.find(key);
    if (tokens == nullptr) {
        return keys.number_or("vocab_size", 0);
    }
    if (!tokens->is_array || tokens->type != GgufType::string) {
        return fail(ErrorCode::bad_input, "key {} must be an array of strings", in_quotes(key));
    }
    return static_cast<std::uint32_t>(tokens->length);  // at most 2^26 by the reader
}

}  // namespace

Result<void> read_hyperparameters(const GgufMetadata& metadata, Inventory& inventory) {
    HEXCORE_TRY_VOID(check_is_model(metadata));
    HEXCORE_TRY(architecture, metadata.text("general.architecture"));
    const ArchitectureKeys keys(metadata, architecture);
    inventory.architecture = std::move(architecture);
    HEXCORE_TRY(name, metadata.text_start_or("general.name", ""));
    inventory.name = shortened(name.empty() ? inventory.name : name, name_bytes_max);
    HEXCORE_TRY_VOID(read_counts(keys, inventory));
    HEXCORE_TRY(n_embd, keys.number("embedding_length"));
    inventory.n_embd = n_embd;
    HEXCORE_TRY(n_ctx_train, keys.number("context_length"));
    inventory.n_ctx_train = n_ctx_train;
    inventory.sliding_window = keys.number_or("attention.sliding_window", 0).value_or(0);
    HEXCORE_TRY(n_vocab, read_vocabulary_size(metadata, keys));
    inventory.n_vocab = n_vocab;
    return read_attention(keys, inventory);
}

}  // namespace hexcore
