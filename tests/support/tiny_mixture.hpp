#pragma once

#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "support/gguf_builder.hpp"

namespace hexcore::test {

inline constexpr std::uint32_t tiny_turn_start = 259;
inline constexpr std::uint32_t tiny_turn_end = 260;
inline constexpr std::uint32_t tiny_byte_tokens = 262;

/// Dimensions of a mixture that is small enough to be written by a test.
struct TinyShape {
    std::uint32_t n_layers = 3;
    std::uint32_t n_experts = 4;
    std::uint32_t n_used = 2;
    std::uint32_t n_embd = 64;
    std::uint32_t n_ff = 96;
    std::uint32_t n_vocab = 128;
    std::uint32_t seed = 7;  ///< of the weights
    bool words = false;      ///< it has a tokenizer, in which token 17 is "17,"; 2 ends answers
    bool letters = false;    ///< it has one that takes any ASCII text: token 65 is "A"
    /// Instead, a tokenizer in which token 3 + b is the byte b, and tiny_turn_start and
    /// tiny_turn_end are those of ChatML; n_vocab has to be tiny_byte_tokens.
    bool bytes = false;
};

/// Writes `file` with F32 values that are tame enough for finite logits in a model of that width.
/// Another seed, other values.
inline void write_random(const std::filesystem::path& path, const GgufBuilder& file,
                         std::uint32_t n_embd, std::uint32_t seed) {
    std::string bytes = file.bytes();
    std::mt19937 random(seed);
    std::normal_distribution<float> value(0.0F, 1.0F / std::sqrt(static_cast<float>(n_embd)));
    const std::size_t start = (file.header().size() + 31) / 32 * 32;
    for (std::size_t at = start; at < bytes.size(); at += sizeof(float)) {
        const float weight = value(random) + 0.05F;
        std::memcpy(bytes.data() + at, &weight, sizeof(weight));
    }
    GgufBuilder::write_file(path, bytes);
}

inline void add_byte_tokens(GgufBuilder& file) {
    // As llama_token_type has them.
    constexpr std::uint32_t normal = 1;
    constexpr std::uint32_t unknown = 2;
    constexpr std::uint32_t control = 3;
    constexpr std::uint32_t byte = 6;
    std::vector<std::string> tokens{"<unk>", "<s>", "</s>"};
    std::vector<std::uint32_t> types{unknown, control, control};
    for (int value = 0; value < 256; ++value) {
        std::array<char, 8> name{};
        std::snprintf(name.data(), name.size(), "<0x%02X>", value);
        tokens.emplace_back(name.data());
        types.push_back(byte);
    }
    tokens.insert(tokens.end(), {"<|im_start|>", "<|im_end|>", "\u2581"});  // a blank
    types.insert(types.end(), {control, control, normal});
    file.key_texts("tokenizer.ggml.tokens", tokens)
        .key_u32s("tokenizer.ggml.token_type", types, GgufBuilder::type_i32);
}

/// Writes a loadable model of the Mixtral architecture with random F32 weights, tame enough for
/// finite logits, in which no two experts are alike. Without words it has no tokenizer: tests feed
/// token numbers.
inline void write_tiny_mixture(const std::filesystem::path& path, const TinyShape& shape) {
    const std::uint32_t n_head = 4;
    const std::uint32_t head_size = shape.n_embd / n_head;
    GgufBuilder file;
    file.key("general.architecture", "llama")
        .key("general.name", "Tiny mixture")
        .key("llama.block_count", shape.n_layers)
        .key("llama.context_length", 1024)
        .key("llama.embedding_length", shape.n_embd)
        .key("llama.feed_forward_length", shape.n_ff)
        .key("llama.attention.head_count", n_head)
        .key("llama.attention.head_count_kv", n_head / 2)
        .key("llama.rope.dimension_count", head_size)
        .key("llama.vocab_size", shape.n_vocab)
        .key("llama.expert_count", shape.n_experts)
        .key("llama.expert_used_count", shape.n_used)
        .key("tokenizer.ggml.model",
             shape.words || shape.letters || shape.bytes ? "llama" : "no_vocab")
        .key_f32("llama.attention.layer_norm_rms_epsilon", 1e-5F);
    if (shape.words || shape.letters) {
        std::vector<std::string> words{"<unk>", "<s>", "</s>", "\n"};
        for (std::uint32_t token = 4; token < shape.n_vocab; ++token) {
            const bool is_letter = shape.letters && (token == '\n' || (token > ' ' && token < 127));
            words.push_back(is_letter ? std::string(1, static_cast<char>(token))
                                      : std::to_string(token) + ",");
        }
        if (shape.letters) {
            words[3] = "3,";
            words[' '] = "\u2581";
        }
        file.key_texts("tokenizer.ggml.tokens", words);
    }
    if (shape.bytes) {
        add_byte_tokens(file);
    }
    const auto embd = static_cast<std::int64_t>(shape.n_embd);
    const auto ff = static_cast<std::int64_t>(shape.n_ff);
    const auto vocab = static_cast<std::int64_t>(shape.n_vocab);
    const auto experts = static_cast<std::int64_t>(shape.n_experts);
    file.tensor("token_embd.weight", {embd, vocab});
    for (std::uint32_t layer = 0; layer < shape.n_layers; ++layer) {
        const std::string block = "blk." + std::to_string(layer) + ".";
        file.tensor(block + "attn_norm.weight", {embd})
            .tensor(block + "attn_q.weight", {embd, embd})
            .tensor(block + "attn_k.weight", {embd, embd / 2})
            .tensor(block + "attn_v.weight", {embd, embd / 2})
            .tensor(block + "attn_output.weight", {embd, embd})
            .tensor(block + "ffn_norm.weight", {embd})
            .tensor(block + "ffn_gate_inp.weight", {embd, experts})
            .tensor(block + "ffn_gate_exps.weight", {embd, ff, experts})
            .tensor(block + "ffn_up_exps.weight", {embd, ff, experts})
            .tensor(block + "ffn_down_exps.weight", {ff, embd, experts});
    }
    file.tensor("output_norm.weight", {embd}).tensor("output.weight", {embd, vocab});
    write_random(path, file, shape.n_embd, shape.seed);
}

}  // namespace hexcore::test
