// Writes the seeds of the inventory's fuzz target into a folder: make_corpus tests/fuzz/corpus
#include <fmt/format.h>

#include <string>

#include "fuzz/seeds.hpp"

namespace hexcore::test {
namespace {

/// A layer with experts, in few bytes.
GgufBuilder& add_small_layer(GgufBuilder& file, std::uint32_t layer) {
    const std::string prefix = fmt::format("blk.{}.", layer);
    return file.tensor(prefix + "attn_q.weight", {32}, GgufBuilder::q8_0)
        .tensor(prefix + "ffn_gate_inp.weight", {2, 4})
        .tensor(prefix + "ffn_gate_up_exps.weight", {32, 1, 4}, GgufBuilder::q4_0)
        .tensor(prefix + "ffn_down_exps.weight", {2, 2, 4}, GgufBuilder::f16)
        .tensor(prefix + "ffn_down_exps.bias", {2, 4})
        .tensor(prefix + "ffn_up_shexp.weight", {2, 2});
}

GgufBuilder small_model() {
    GgufBuilder file = tiny_keys(2, 4);
    file.tensor("token_embd.weight", {8, 3});
    add_small_layer(add_small_layer(file, 0), 1);
    return file.tensor("output.weight", {8, 3});
}

void add_good_files(Seeds& seeds) {
    seeds.add("good_experts", small_model());
    seeds.add("good_version2", small_model().version(2));
    GgufBuilder dense = tiny_keys(1, 0);
    seeds.add("good_dense", dense.tensor("blk.0.ffn_up.weight", {32, 2}, GgufBuilder::q4_0));
    seeds.add("good_alignment", tiny_keys(1, 0).key("general.alignment", 8));
    GgufBuilder latent = tiny_keys(2, 4);
    latent.key("llama.attention.key_length", 576)
        .key("llama.attention.value_length", 512)
        .key("llama.attention.key_length_mla", 192)
        .key("llama.attention.value_length_mla", 128)
        .key("llama.nextn_predict_layers", 1);
    seeds.add("good_latent", add_small_layer(latent, 0));
    seeds.add("good_per_layer", tiny_keys(3)
                                    .without_key("llama.attention.head_count_kv")
                                    .key_u32s("llama.attention.head_count_kv", {0, 2, 1}));
    GgufBuilder every_type = tiny_keys(1, 0);
    for (const std::uint32_t type : {0U, 1U, 7U}) {
        every_type.key_raw(fmt::format("a.type{}", type), type, std::string(1, '\1'));
    }
    for (const std::uint32_t type : {2U, 3U}) {
        every_type.key_raw(fmt::format("a.type{}", type), type, std::string(2, '\1'));
    }
    for (const std::uint32_t type : {10U, 11U, 12U}) {
        every_type.key_raw(fmt::format("a.type{}", type), type, std::string(8, '\1'));
    }
    seeds.add("good_value_types", every_type.key_f32("a.type6", 1));
    for (std::uint32_t type = 0; type < 48; type += 6) {
        seeds.add(fmt::format("tensor_type_{}", type),
                  tiny_keys(1, 0).tensor_at(0, "a", {256}, type).bytes() + std::string(1100, 'd'));
    }
}

void add_bad_files(Seeds& seeds) {
    const std::string whole = small_model().bytes();
    for (const std::size_t size : {3UL, 20UL, 100UL, 500UL, whole.size() - 1}) {
        seeds.add(fmt::format("cut_at_{}", size), whole.substr(0, size));
    }
    seeds.add("bad_version", small_model().version(1));
    seeds.add("bad_endian", small_model().version(3U << 24U));
    seeds.add("bad_keys", small_model().claim_keys(~0ULL));
    seeds.add("bad_tensors", small_model().claim_tensors(~0ULL));
    seeds.add("bad_duplicate_key", small_model().key("llama.block_count", 2));
    seeds.add("bad_duplicate_tensor", small_model().tensor("output.weight", {2}));
    seeds.add("bad_block_count", small_model().replace_key("llama.block_count", ~0U));
    seeds.add("bad_expert_count", small_model().replace_key("llama.expert_count", 7));
    seeds.add("bad_alignment", small_model().key("general.alignment", 1U << 31U));
    seeds.add("bad_layer", small_model().tensor("blk.4294967296.attn_q.weight", {2}));
    seeds.add("bad_unmerged", small_model().tensor("blk.0.ffn_gate.3.weight", {2}));
    seeds.add("bad_offset", small_model().tensor_at(~0ULL - 31, "b", {2}));
    seeds.add("bad_overlap", small_model().tensor_at(0, "b", {2}));
    seeds.add("bad_shape", tiny_keys().tensor_at(0, "b", {1LL << 32U, 1LL << 32U}));
    seeds.add("bad_dimension", tiny_keys().tensor_at(0, "b", {-1, 0}));
    seeds.add("bad_type", tiny_keys().tensor_at(0, "b", {2}, ~0U));
    seeds.add("bad_split", small_model().key("split.count", 3).key("split.no", 0));
    const auto array = [](std::uint32_t type, std::uint64_t length) {
        return tiny_keys().key_raw("a.list", GgufBuilder::type_array,
                                   GgufBuilder::raw(type) + GgufBuilder::raw(length));
    };
    seeds.add("bad_nested_array", array(GgufBuilder::type_array, 1));
    seeds.add("bad_long_array", array(GgufBuilder::type_u32, 1ULL << 62U));
    seeds.add("bad_long_text_array", array(GgufBuilder::type_string, 1U << 20U));
    seeds.add("bad_text", tiny_keys().key_raw("a.text", GgufBuilder::type_string,
                                              GgufBuilder::raw(1ULL << 40U)));
}

}  // namespace
}  // namespace hexcore::test

int main(int argc, char** argv) {
    if (argc != 2) {
        fmt::print(stderr, "usage: make_corpus FOLDER\n");
        return 2;
    }
    hexcore::test::Seeds seeds(argv[1]);
    hexcore::test::add_good_files(seeds);
    hexcore::test::add_bad_files(seeds);
    return 0;
}
