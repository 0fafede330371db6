#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/base/check.hpp"

namespace hexcore::test {

/// Writes small GGUF files, correct by default and wrong wherever a test wants them to be: every
/// count, offset and type can be given, and raw bytes can stand for keys and tensors.
class GgufBuilder {
public:
    /// ggml's element types that tests need, by their number in a file.
    enum Type : std::uint32_t { f32 = 0, f16 = 1, q4_0 = 2, q8_0 = 8, q4_K = 12 };

    // Numbers of value types in a file.
    static constexpr std::uint32_t type_u16 = 2;
    static constexpr std::uint32_t type_u32 = 4;
    static constexpr std::uint32_t type_i32 = 5;
    static constexpr std::uint32_t type_f32 = 6;
    static constexpr std::uint32_t type_string = 8;
    static constexpr std::uint32_t type_array = 9;

    template <typename T>
    static std::string raw(T value) {
        return {reinterpret_cast<const char*>(&value), sizeof value};
    }
    /// A string as it stands in a file, with its length before it.
    static std::string text(std::string_view value) {
        return raw<std::uint64_t>(value.size()).append(value);
    }

    GgufBuilder& version(std::uint32_t value) {
        version_ = value;
        return *this;
    }
    GgufBuilder& claim_keys(std::uint64_t count) {
        keys_claimed_ = count;
        return *this;
    }
    GgufBuilder& claim_tensors(std::uint64_t count) {
        tensors_claimed_ = count;
        return *this;
    }

    /// A key with type number and value as raw bytes.
    GgufBuilder& key_raw(std::string_view name, std::uint32_t type, std::string_view value) {
        keys_.push_back({std::string(name), raw(type).append(value)});
        return *this;
    }
    GgufBuilder& key(std::string_view name, std::uint32_t value) {
        return key_raw(name, type_u32, raw(value));
    }
    GgufBuilder& key(std::string_view name, std::string_view value) {
        return key_raw(name, type_string, text(value));
    }
    GgufBuilder& key_f32(std::string_view name, float value) {
        return key_raw(name, type_f32, raw(value));
    }
    GgufBuilder& key_u32s(std::string_view name, const std::vector<std::uint32_t>& values,
                          std::uint32_t type = type_u32) {
        std::string bytes = raw(type) + raw<std::uint64_t>(values.size());
        for (const std::uint32_t value : values) {
            bytes += raw(value);
        }
        return key_raw(name, type_array, bytes);
    }
    GgufBuilder& key_texts(std::string_view name, const std::vector<std::string>& values) {
        std::string bytes = raw(type_string) + raw<std::uint64_t>(values.size());
        for (const std::string& value : values) {
            bytes += text(value);
        }
        return key_raw(name, type_array, bytes);
    }
    GgufBuilder& without_key(std::string_view name) {
        std::erase_if(keys_, [&](const Key& key) { return key.name == name; });
        return *this;
    }
    /// Takes the place of all keys of that name, at the end.
    GgufBuilder& replace_key(std::string_view name, std::uint32_t value) {
        return without_key(name).key(name, value);
    }
    GgufBuilder& replace_key(std::string_view name, std::string_view value) {
        return without_key(name).key(name, value);
    }

    /// A tensor with zeros for data, behind the ones before it.
    GgufBuilder& tensor(std::string_view name, const std::vector<std::int64_t>& shape,
                        std::uint32_t type = f32) {
        tensors_.push_back({std::string(name), shape, type, std::nullopt});
        return *this;
    }
    /// A tensor that claims to start at `offset` of the data and brings none.
    GgufBuilder& tensor_at(std::uint64_t offset, std::string_view name,
                           const std::vector<std::int64_t>& shape, std::uint32_t type = f32) {
        tensors_.push_back({std::string(name), shape, type, offset});
        return *this;
    }
    GgufBuilder& without_tensor(std::string_view name) {
        std::erase_if(tensors_, [&](const Tensor& tensor) { return tensor.name == name; });
        return *this;
    }
    [[nodiscard]] std::size_t n_tensors() const { return tensors_.size(); }

    /// Bytes of the elements of `shape`; 0 for types that the builder does not know.
    static std::uint64_t size_of(const std::vector<std::int64_t>& shape, std::uint32_t type) {
        std::uint64_t elements = 1;
        for (const std::int64_t length : shape) {
            elements *= static_cast<std::uint64_t>(length);
        }
        switch (type) {
            case f32:
                return elements * 4;
            case f16:
                return elements * 2;
            case q4_0:
                return elements / 32 * 18;
            case q8_0:
                return elements / 32 * 34;
            case q4_K:
                return elements / 256 * 144;
            default:
                return 0;
        }
    }

    /// Everything before the tensor data, without the padding.
    [[nodiscard]] std::string header() const {
        std::string bytes = "GGUF" + raw(version_) + raw(tensors_claimed_.value_or(n_tensors())) +
                            raw(keys_claimed_.value_or(keys_.size()));
        for (const Key& key : keys_) {
            bytes += text(key.name) + key.type_and_value;
        }
        std::uint64_t offset = 0;
        for (const Tensor& tensor : tensors_) {
            bytes += text(tensor.name) + raw(static_cast<std::uint32_t>(tensor.shape.size()));
            for (const std::int64_t length : tensor.shape) {
                bytes += raw(length);
            }
            bytes += raw(tensor.type) + raw(tensor.offset.value_or(offset));
            offset += tensor.offset ? 0 : padded(size_of(tensor.shape, tensor.type));
        }
        return bytes;
    }

    /// The whole file.
    [[nodiscard]] std::string bytes() const {
        std::uint64_t data = 0;
        for (const Tensor& tensor : tensors_) {
            data += tensor.offset ? 0 : padded(size_of(tensor.shape, tensor.type));
        }
        std::string file = header();
        file.resize(padded(file.size()) + data, '\0');
        return file;
    }

    /// As data is aligned.
    static std::uint64_t padded(std::uint64_t size) { return (size + 31) / 32 * 32; }

    void write(const std::filesystem::path& path) const { write_file(path, bytes()); }

    static void write_file(const std::filesystem::path& path, std::string_view bytes) {
        std::ofstream file(path, std::ios::binary);
        file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        HEXCORE_CHECK(file.good(), path.string(), bytes.size());
    }

private:
    struct Key {
        std::string name;
        std::string type_and_value;
    };
    struct Tensor {
        std::string name;
        std::vector<std::int64_t> shape;
        std::uint32_t type;
        std::optional<std::uint64_t> offset;
    };

    std::uint32_t version_ = 3;
    std::optional<std::uint64_t> keys_claimed_;
    std::optional<std::uint64_t> tensors_claimed_;
    std::vector<Key> keys_;
    std::vector<Tensor> tensors_;
};

/// The keys of a small model, with experts or (n_experts 0) without, and no tensors.
inline GgufBuilder tiny_keys(std::uint32_t n_layers = 2, std::uint32_t n_experts = 4) {
    GgufBuilder file;
    file.key("general.architecture", "llama")
        .key("general.name", "Tiny")
        .key("llama.block_count", n_layers)
        .key("llama.context_length", 128)
        .key("llama.embedding_length", 32)
        .key("llama.attention.head_count", 4)
        .key("llama.attention.head_count_kv", 2)
        .key_texts("tokenizer.ggml.tokens", {"a", "b", "c"});
    if (n_experts > 0) {
        file.key("llama.expert_count", n_experts).key("llama.expert_used_count", 2);
    }
    return file;
}

/// Adds the tensors of one layer of tiny_keys' model.
inline GgufBuilder& add_tiny_layer(GgufBuilder& file, std::uint32_t layer,
                                   std::uint32_t n_experts = 4) {
    const std::string prefix = "blk." + std::to_string(layer) + ".";
    file.tensor(prefix + "attn_norm.weight", {32})
        .tensor(prefix + "attn_q.weight", {32, 32}, GgufBuilder::q8_0)
        .tensor(prefix + "ffn_norm.weight", {32});
    if (n_experts == 0) {
        file.tensor(prefix + "ffn_up.weight", {32, 64}, GgufBuilder::q4_0);
        return file;
    }
    file.tensor(prefix + "ffn_gate_inp.weight", {32, n_experts});
    for (const char* name : {"ffn_gate_exps.weight", "ffn_up_exps.weight"}) {
        file.tensor(prefix + name, {32, 2, n_experts}, GgufBuilder::q4_0);
    }
    return file.tensor(prefix + "ffn_down_exps.weight", {2, 32, n_experts}, GgufBuilder::f16);
}

/// A whole small model that read_inventory accepts.
inline GgufBuilder tiny_model(std::uint32_t n_layers = 2, std::uint32_t n_experts = 4) {
    GgufBuilder file = tiny_keys(n_layers, n_experts);
    file.tensor("token_embd.weight", {32, 3});
    for (std::uint32_t layer = 0; layer < n_layers; ++layer) {
        add_tiny_layer(file, layer, n_experts);
    }
    file.tensor("output_norm.weight", {32}).tensor("output.weight", {32, 3});
    return file;
}

}  // namespace hexcore::test
