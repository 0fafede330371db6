// Writes the seeds of the adapters' fuzz target into a folder:
// make_adapter_corpus tests/fuzz/corpus_adapter
#include <fmt/format.h>

#include <limits>
#include <string>

#include "fuzz/adapter_base.hpp"
#include "fuzz/seeds.hpp"

namespace hexcore::test {
namespace {

GgufBuilder adapter_keys() {
    GgufBuilder file;
    return file.key("general.type", "adapter")
        .key("general.architecture", "llama")
        .key("general.name", "Seed")
        .key("adapter.type", "lora")
        .key_f32("adapter.lora.alpha", 2.0F);
}

GgufBuilder& add_pair(GgufBuilder& file, const std::string& of, const std::vector<std::int64_t>& a,
                      const std::vector<std::int64_t>& b, std::uint32_t type = GgufBuilder::f32) {
    return file.tensor(of + ".lora_a", a, type).tensor(of + ".lora_b", b, type);
}

GgufBuilder pair_of(const std::string& of, const std::vector<std::int64_t>& a,
                    const std::vector<std::int64_t>& b, std::uint32_t type = GgufBuilder::f32) {
    GgufBuilder file = adapter_keys();
    return add_pair(file, of, a, b, type);
}

/// Over an ordinary matrix, merged experts, the embedding and the output.
GgufBuilder good_adapter() {
    GgufBuilder file = pair_of("blk.0.attn_q.weight", {256, 2}, {2, 4}, GgufBuilder::f16);
    add_pair(file, "blk.0.ffn_up_exps.weight", {8, 1, 4}, {1, 2, 4});
    add_pair(file, "token_embd.weight", {2, 3}, {2, 8});
    return add_pair(file, "output.weight", {8, 2}, {2, 3}, GgufBuilder::f16);
}

void add_good_files(Seeds& seeds) {
    seeds.add("good", good_adapter());
    seeds.add("good_version2", good_adapter().version(2));
    seeds.add("good_without_alpha", good_adapter().without_key("adapter.lora.alpha"));
    seeds.add("good_without_name", good_adapter().without_key("general.name"));
    seeds.add("good_long_name",
              good_adapter().replace_key("general.name", std::string(300, 'a') + "\xe2\x82"));
    seeds.add("good_norm", good_adapter().tensor("blk.0.attn_norm.weight", {8}));
    seeds.add("good_router", pair_of("blk.0.ffn_gate_inp.weight", {8, 1}, {1, 4}));
    seeds.add("good_down", pair_of("blk.0.ffn_down_exps.weight", {2, 1, 4}, {1, 8, 4}));
    seeds.add("good_alignment", good_adapter().key("general.alignment", 8));
}

void add_bad_files(Seeds& seeds) {
    const std::string whole = good_adapter().bytes();
    for (const std::size_t size : {3UL, 20UL, 150UL, 500UL, whole.size() - 40}) {
        seeds.add(fmt::format("cut_at_{}", size), whole.substr(0, size));
    }
    seeds.add("bad_model", adapter_base());
    seeds.add("bad_type", good_adapter().replace_key("general.type", 7));
    seeds.add("bad_kind", good_adapter().replace_key("adapter.type", "dora"));
    seeds.add("bad_architecture", good_adapter().replace_key("general.architecture", "qwen3moe"));
    seeds.add("bad_alora", good_adapter().key_u32s("adapter.alora.invocation_tokens", {1, 2}));
    const auto with_alpha = [](std::uint32_t type, const std::string& value) {
        return good_adapter()
            .without_key("adapter.lora.alpha")
            .key_raw("adapter.lora.alpha", type, value);
    };
    seeds.add("bad_alpha", with_alpha(GgufBuilder::type_f32,
                                      GgufBuilder::raw(std::numeric_limits<float>::infinity())));
    seeds.add("bad_alpha_type", with_alpha(GgufBuilder::type_u32, GgufBuilder::raw(2U)));
    seeds.add("bad_no_tensors", adapter_keys());
    seeds.add("bad_half", good_adapter().without_tensor("output.weight.lora_b"));
    seeds.add("bad_twice", good_adapter().tensor("output.weight.lora_a", {8, 2}));
    seeds.add("bad_name", good_adapter().tensor("output.weight", {8, 3}));
    seeds.add("bad_base", pair_of("blk.9.attn_q.weight", {8, 2}, {2, 4}));
    seeds.add("bad_vector", pair_of("blk.0.attn_norm.weight", {8, 2}, {2, 1}));
    seeds.add("bad_layer", pair_of("blk.1.attn_q.weight", {8, 2}, {2, 4}));
    seeds.add("bad_shape", pair_of("output.weight", {8, 2}, {3, 3}));
    seeds.add("bad_experts", pair_of("blk.0.ffn_up_exps.weight", {8, 1, 3}, {1, 2, 3}));
    seeds.add("bad_embedding", pair_of("token_embd.weight", {8, 2}, {2, 3}));
    seeds.add("bad_rank", adapter_keys()
                              .tensor_at(0, "output.weight.lora_a", {8, 1LL << 32U})
                              .tensor_at(0, "output.weight.lora_b", {1LL << 32U, 3}));
    seeds.add("bad_dimension", adapter_keys()
                                   .tensor_at(0, "output.weight.lora_a", {8, 0})
                                   .tensor_at(0, "output.weight.lora_b", {0, 3}));
    seeds.add("bad_offset",
              good_adapter().tensor_at(~0ULL - 31, "blk.0.attn_v.weight.lora_a", {2}));
    for (std::uint32_t type = 0; type < 40; type += 3) {
        GgufBuilder file = adapter_keys();
        file.tensor("blk.0.attn_q.weight.lora_b", {1, 4})
            .tensor_at(32, "blk.0.attn_q.weight.lora_a", {256, 1}, type);
        seeds.add(fmt::format("half_type_{}", type), file.bytes() + std::string(1100, 'd'));
    }
}

}  // namespace
}  // namespace hexcore::test

int main(int argc, char** argv) {
    if (argc != 2) {
        fmt::print(stderr, "usage: make_adapter_corpus FOLDER\n");
        return 2;
    }
    hexcore::test::Seeds seeds(argv[1]);
    hexcore::test::add_good_files(seeds);
    hexcore::test::add_bad_files(seeds);
    return 0;
}
