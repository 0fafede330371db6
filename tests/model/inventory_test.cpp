#include "hexcore/model/inventory.hpp"

#include <gtest/gtest.h>

#include "model/read_bytes.hpp"
#include "support/gguf_builder.hpp"
#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

using test::GgufBuilder;
using test::read_bytes;
using test::tensor_named;
using test::tiny_keys;
using test::tiny_model;

TEST(Inventory, ReadsWhatTheMetadataSaysOfTheModel) {
    const auto model = read_bytes(tiny_model(3, 4).bytes());
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(model->name, "Tiny");
    EXPECT_EQ(model->architecture, "llama");
    EXPECT_EQ(model->n_layers, 3);
    EXPECT_EQ(model->n_layers_nextn, 0);
    EXPECT_EQ(model->n_experts, 4);
    EXPECT_EQ(model->n_experts_used, 2);
    EXPECT_EQ(model->n_embd, 32);
    EXPECT_EQ(model->n_vocab, 3);
    EXPECT_EQ(model->n_ctx_train, 128);
    EXPECT_EQ(model->layers.size(), 3);
}

TEST(Inventory, FindsEachTensorsBytesInTheFile) {
    const GgufBuilder file = tiny_model(2, 4);
    const auto model = read_bytes(file.bytes());
    ASSERT_TRUE(model) << model.error().message;
    ASSERT_EQ(model->tensors.size(), file.n_tensors());
    const std::uint64_t data_start = (file.header().size() + 31) / 32 * 32;
    const TensorInfo& embedding = tensor_named(*model, "token_embd.weight");
    EXPECT_EQ(embedding.offset_bytes, data_start);
    EXPECT_EQ(embedding.bytes, 384_B);
    EXPECT_EQ(embedding.type, "f32");
    const TensorInfo& norm = tensor_named(*model, "blk.0.attn_norm.weight");
    EXPECT_EQ(norm.offset_bytes, data_start + 384);
    EXPECT_EQ(norm.bytes, 128_B);
    const TensorInfo& query = tensor_named(*model, "blk.0.attn_q.weight");
    EXPECT_EQ(query.bytes, 1088_B);
    EXPECT_EQ(query.type, "q8_0");
    EXPECT_EQ(query.shape, (std::array<std::int64_t, 4>{32, 32, 1, 1}));
}

TEST(Inventory, CutsMergedExpertsIntoEqualSlices) {
    const auto model = read_bytes(tiny_model(2, 4).bytes());
    ASSERT_TRUE(model) << model.error().message;
    const TensorInfo& up = tensor_named(*model, "blk.1.ffn_up_exps.weight");
    EXPECT_EQ(up.role, TensorRole::expert);
    EXPECT_EQ(up.layer, LayerIndex(1));
    EXPECT_EQ(up.n_experts, 4);
    EXPECT_EQ(up.bytes, 4 * 36_B);
    EXPECT_EQ(tensor_named(*model, "blk.1.ffn_gate_inp.weight").n_experts, 0);
}

TEST(Inventory, SumsExpertsApartFromEverything) {
    const auto model = read_bytes(tiny_model(2, 4).bytes());
    ASSERT_TRUE(model) << model.error().message;
    // per layer: gate and up 2 rows of 18 bytes, down 64 of 2 bytes, times 4 experts
    EXPECT_EQ(model->experts_bytes(), 8 * (36_B + 36_B + 128_B));
    const Bytes layer = 128_B + 1088_B + 128_B + 512_B;
    EXPECT_EQ(model->total_bytes(), model->experts_bytes() + 2 * layer + 384_B + 128_B + 384_B);
}

TEST(Inventory, KnowsDenseModels) {
    const auto model = read_bytes(tiny_model(2, 0).bytes());
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(model->n_experts, 0);
    EXPECT_EQ(model->n_experts_used, 0);
    EXPECT_EQ(model->experts_bytes(), 0_B);
    EXPECT_EQ(tensor_named(*model, "blk.1.ffn_up.weight").role, TensorRole::dense_ffn);
}

TEST(Inventory, KnowsDenseLayersAmongLayersWithExperts) {
    GgufBuilder file = tiny_keys(2, 4);
    file.key("llama.leading_dense_block_count", 1);
    add_tiny_layer(file, 0, 0);
    add_tiny_layer(file, 1, 4);
    file.tensor("blk.1.ffn_up_shexp.weight", {32, 2}, GgufBuilder::q4_0);
    const auto model = read_bytes(file.bytes());
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(tensor_named(*model, "blk.0.ffn_up.weight").role, TensorRole::dense_ffn);
    EXPECT_EQ(tensor_named(*model, "blk.1.ffn_up_exps.weight").role, TensorRole::expert);
    EXPECT_EQ(tensor_named(*model, "blk.1.ffn_up_shexp.weight").role, TensorRole::shared_expert);
}

TEST(Inventory, KnowsFusedGateAndUpExperts) {
    GgufBuilder file = tiny_keys(1, 4);
    file.tensor("blk.0.ffn_gate_up_exps.weight", {32, 4, 4}, GgufBuilder::q4_0)
        .tensor("blk.0.ffn_gate_up_exps.bias", {4, 4});
    const auto model = read_bytes(file.bytes());
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(tensor_named(*model, "blk.0.ffn_gate_up_exps.weight").role, TensorRole::expert);
    EXPECT_EQ(tensor_named(*model, "blk.0.ffn_gate_up_exps.bias").role, TensorRole::other);
}

TEST(Inventory, ReadsVersion2AndAnyOrderOfData) {
    GgufBuilder file = tiny_keys(1, 0).version(2);
    file.tensor_at(128, "token_embd.weight", {32, 1}).tensor_at(0, "output.weight", {32, 1});
    std::string bytes = file.bytes();
    bytes.resize(bytes.size() + 256);
    const auto model = read_bytes(bytes);
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(model->tensors[0].offset_bytes, model->tensors[1].offset_bytes + 128);
}

TEST(Inventory, HonoursTheFilesOwnAlignment) {
    GgufBuilder file = tiny_keys(1, 0).key("general.alignment", 256);
    file.tensor("token_embd.weight", {32, 1});
    std::string bytes = file.header();
    bytes.resize((bytes.size() + 255) / 256 * 256 + 128);
    const auto model = read_bytes(bytes);
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(model->tensors[0].offset_bytes % 256, 0);
    EXPECT_EQ(model->tensors[0].offset_bytes + 128, bytes.size());
}

TEST(Inventory, NamesAModelWithoutANameByItsFile) {
    const test::TempFolder folder;
    tiny_model().without_key("general.name").write(folder / "unnamed.gguf");
    const auto model = read_inventory(folder / "unnamed.gguf");
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(model->name, "unnamed");
    EXPECT_EQ(model->files, std::vector{folder / "unnamed.gguf"});
}

TEST(Inventory, EveryRoleHasAName) {
    EXPECT_STREQ(to_string(TensorRole::shared_expert), "shared_expert");
    EXPECT_STREQ(to_string(TensorRole::dense_ffn), "dense_ffn");
    EXPECT_STREQ(to_string(TensorRole::other), "other");
}

}  // namespace
}  // namespace hexcore
