#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/ids.hpp"
#include "hexcore/base/result.hpp"
#include "hexcore/model/file_stamp.hpp"

namespace hexcore {

/// What a tensor is for. Decided by its name, as llama.cpp names tensors.
enum class TensorRole {
    embedding,
    attention,
    norm,
    router,
    expert,         ///< merged routed experts: `ffn_{gate,up,down,gate_up}_exps`
    shared_expert,  ///< `*_shexp`: runs for every token, is never placed expert by expert
    dense_ffn,
    output,
    other,
};

/// One tensor of a model file.
struct TensorInfo {
    std::string name;
    TensorRole role = TensorRole::other;
    std::optional<LayerIndex> layer;      ///< empty for tensors outside the repeating layers
    std::string type;                     ///< ggml's name of the element type, e.g. "q4_K"
    std::array<std::int64_t, 4> shape{};  ///< elements, fastest dimension first, unused ones are 1
    Bytes bytes;                          ///< size of the data in the file, without padding
    std::uint32_t file = 0;               ///< index into Inventory::files
    std::uint64_t offset_bytes = 0;       ///< of the data, from the start of that file
    /// Experts in this tensor; 0 unless role is expert. Expert e is the contiguous slice of
    /// bytes / n_experts bytes at offset_bytes + e * (bytes / n_experts).
    std::uint32_t n_experts = 0;
};

/// The attention geometry of one layer, from the metadata; what the KV cache is computed from where
/// no dry run is made: a token takes n_head_kv * head_size_k elements of K and n_head_kv *
/// head_size_v of V. With multi-head latent attention (the `key_length_mla` keys) libllama caches
/// one latent head, in K alone: head_size_v is 0. A layer without attention has no heads.
struct LayerShape {
    std::uint32_t n_head_kv = 0;
    std::uint32_t head_size_k = 0;
    std::uint32_t head_size_v = 0;
};

/// What a model weighs, tensor by tensor. Says nothing about where anything should go.
struct Inventory {
    /// general.name, or the file's stem where it has none; printable, and at most 80 bytes.
    std::string name;
    std::string architecture;  ///< general.architecture, e.g. "llama", "qwen3moe"
    std::uint32_t n_layers = 0;
    /// Of n_layers, how many at the end predict further tokens; libllama leaves these out unless
    /// asked for them.
    std::uint32_t n_layers_nextn = 0;
    std::uint32_t n_experts = 0;       ///< routed experts a layer; 0 for a dense model
    std::uint32_t n_experts_used = 0;  ///< of them, for each token
    std::uint32_t n_embd = 0;
    std::uint32_t n_vocab = 0;
    std::uint32_t n_ctx_train = 0;
    /// Tokens that attention looks back in those layers that have a sliding window, which only
    /// libllama knows for all architectures; 0: none of them.
    std::uint32_t sliding_window = 0;
    std::vector<LayerShape> layers;  ///< n_layers of them
    std::vector<TensorInfo> tensors;
    std::vector<std::filesystem::path> files;  ///< the parts of a split model in order, or one file
    std::vector<FileStamp> stamps;             ///< [file]: as it was when its header was read

    [[nodiscard]] Bytes total_bytes() const;
    [[nodiscard]] Bytes experts_bytes() const;
};

/// Reads the headers of a GGUF file, or of all parts of a split one (given any name of the form
/// `...-0000i-of-0000n.gguf`). Reads no tensor data, and allocates no more than a small multiple of
/// the metadata's size in the file, whatever the file claims. Fails with ErrorCode::bad_input,
/// naming the key or tensor that is wrong.
[[nodiscard]] Result<Inventory> read_inventory(const std::filesystem::path& path);

[[nodiscard]] const char* to_string(TensorRole role);

}  // namespace hexcore
