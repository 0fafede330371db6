#include "hexcore/model/hyperparameters.hpp"

#include <gtest/gtest.h>

#include "model/read_bytes.hpp"
#include "support/gguf_builder.hpp"

namespace hexcore {
namespace {

using test::expect_bad_input;
using test::GgufBuilder;
using test::read_bytes;
using test::tiny_keys;

TEST(Hyperparameters, HeadSizeFollowsFromTheEmbeddingWithoutAKey) {
    const auto model = read_bytes(tiny_keys().bytes());
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(model->layers[1].n_head_kv, 2);
    EXPECT_EQ(model->layers[1].head_size_k, 8);
    EXPECT_EQ(model->layers[1].head_size_v, 8);
}

TEST(Hyperparameters, HeadsForKvAreAsManyAsHeadsWithoutAKey) {
    const auto model = read_bytes(tiny_keys().without_key("llama.attention.head_count_kv").bytes());
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(model->layers[0].n_head_kv, 4);
}

TEST(Hyperparameters, HeadsCanDifferByLayer) {
    GgufBuilder file = tiny_keys(3).without_key("llama.attention.head_count_kv");
    file.key_u32s("llama.attention.head_count_kv", {0, 2, 0})
        .key("llama.attention.key_length", 16)
        .key("llama.attention.value_length", 24);
    const auto model = read_bytes(file.bytes());
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(model->layers[0].n_head_kv, 0);
    EXPECT_EQ(model->layers[1].n_head_kv, 2);
    EXPECT_EQ(model->layers[1].head_size_k, 16);
    EXPECT_EQ(model->layers[1].head_size_v, 24);
}

TEST(Hyperparameters, LatentAttentionCachesNoV) {
    // the geometry of a DeepSeek-V3 file: kv_lora_rank 512, 64 rotated dimensions
    GgufBuilder file = tiny_keys(2).replace_key("llama.attention.head_count_kv", 1);
    file.key("llama.attention.key_length", 576)
        .key("llama.attention.value_length", 512)
        .key("llama.attention.key_length_mla", 192)
        .key("llama.attention.value_length_mla", 128);
    const auto model = read_bytes(file.bytes());
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(model->layers[0].n_head_kv, 1);
    EXPECT_EQ(model->layers[0].head_size_k, 576);
    EXPECT_EQ(model->layers[0].head_size_v, 0);
}

TEST(Hyperparameters, LayersThatPredictFurtherTokensAreCounted) {
    const auto model = read_bytes(tiny_keys(3).key("llama.nextn_predict_layers", 1).bytes());
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(model->n_layers, 3);
    EXPECT_EQ(model->n_layers_nextn, 1);
}

TEST(Hyperparameters, VocabularyCanBeACountAlone) {
    GgufBuilder file = tiny_keys().without_key("tokenizer.ggml.tokens");
    const auto without = read_bytes(file.bytes());
    ASSERT_TRUE(without) << without.error().message;
    EXPECT_EQ(without->n_vocab, 0);
    const auto model = read_bytes(file.key("llama.vocab_size", 700).bytes());
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(model->n_vocab, 700);
}

TEST(Hyperparameters, IntegersOfAnyWidthAreRead) {
    GgufBuilder file = tiny_keys(2, 0).without_key("llama.block_count");
    file.key_raw("llama.block_count", GgufBuilder::type_u16, GgufBuilder::raw<std::uint16_t>(7));
    const auto model = read_bytes(file.bytes());
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(model->n_layers, 7);
}

TEST(Hyperparameters, ExpertsUsedCanDifferByLayer) {
    GgufBuilder file = tiny_keys(3).without_key("llama.expert_used_count");
    const auto model = read_bytes(file.key_u32s("llama.expert_used_count", {1, 3, 2}).bytes());
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(model->n_experts_used, 3);
}

TEST(Hyperparameters, MissingKeysAreNamed) {
    for (const char* key : {"general.architecture", "llama.block_count", "llama.embedding_length",
                            "llama.context_length"}) {
        expect_bad_input(read_bytes(tiny_keys().without_key(key).bytes()), key, "is missing");
    }
}

TEST(Hyperparameters, WrongTypesAreNamed) {
    expect_bad_input(read_bytes(tiny_keys().replace_key("llama.block_count", "two").bytes()),
                     "'llama.block_count' is of type string", "integer");
    expect_bad_input(
        read_bytes(
            tiny_keys().without_key("llama.expert_count").key_f32("llama.expert_count", 4).bytes()),
        "'llama.expert_count' is of type f32", "integer");
    expect_bad_input(read_bytes(tiny_keys().replace_key("general.architecture", 7).bytes()),
                     "'general.architecture' is of type u32", "string");
    expect_bad_input(read_bytes(tiny_keys().replace_key("tokenizer.ggml.tokens", 7).bytes()),
                     "'tokenizer.ggml.tokens'", "array of strings");
    expect_bad_input(read_bytes(tiny_keys()
                                    .without_key("llama.block_count")
                                    .key_u32s("llama.block_count", {2})
                                    .bytes()),
                     "'llama.block_count' is an array of 1 u32", "integer");
}

TEST(Hyperparameters, ArraysOfAnotherLengthThanTheLayersAreNamed) {
    GgufBuilder file = tiny_keys(2).without_key("llama.attention.head_count");
    expect_bad_input(read_bytes(file.key_u32s("llama.attention.head_count", {4, 4, 4}).bytes()),
                     "'llama.attention.head_count' is an array of 3", "must be 2 integers");
}

TEST(Hyperparameters, CountsThatNoModelCanHaveAreRefused) {
    expect_bad_input(read_bytes(tiny_keys(0).bytes()), "'llama.block_count' is 0", "1 to 512");
    expect_bad_input(read_bytes(tiny_keys(513).bytes()), "'llama.block_count' is 513");
    expect_bad_input(read_bytes(tiny_keys(2, 1025).bytes()), "'llama.expert_count' is 1025");
    expect_bad_input(read_bytes(tiny_keys(2, 1).bytes()), "'llama.expert_used_count' is 2",
                     "'llama.expert_count' is 1");
    expect_bad_input(read_bytes(tiny_keys().replace_key("llama.expert_used_count", 0).bytes()),
                     "'llama.expert_used_count' is 0");
    expect_bad_input(read_bytes(tiny_keys(2).key("llama.nextn_predict_layers", 2).bytes()),
                     "'llama.nextn_predict_layers' is 2");
}

TEST(Hyperparameters, NumbersOutsideTheirRangeAreRefused) {
    GgufBuilder file = tiny_keys().without_key("llama.context_length");
    GgufBuilder negative = file;
    negative.key_raw("llama.context_length", GgufBuilder::type_i32, GgufBuilder::raw(-5));
    expect_bad_input(read_bytes(negative.bytes()), "'llama.context_length' is -5", "negative");
    file.key_raw("llama.context_length", 10, GgufBuilder::raw(1ULL << 32U));
    expect_bad_input(read_bytes(file.bytes()), "'llama.context_length' is 4294967296", "too large");
}

TEST(Hyperparameters, ANameIsShownCutAndCleaned) {
    const std::string bytes =
        tiny_keys().replace_key("general.name", std::string(2000, 'n')).bytes();
    const auto longer = read_bytes(bytes);
    ASSERT_TRUE(longer) << longer.error().message;
    EXPECT_EQ(longer->name, std::string(77, 'n') + "...");
    const auto hostile = read_bytes(tiny_keys().replace_key("general.name", "a\x1b[2J\nb").bytes());
    ASSERT_TRUE(hostile);
    EXPECT_EQ(hostile->name, "a?[2J?b");
}

TEST(Hyperparameters, AnEmptyNameIsThatOfTheFile) {
    const auto nameless = read_bytes(tiny_keys().replace_key("general.name", "").bytes());
    ASSERT_TRUE(nameless);
    EXPECT_EQ(nameless->name, "tiny");
}

TEST(Hyperparameters, OtherKindsOfFileAreNamedAsWhatTheyAre) {
    const auto of_type = [](const char* type) {
        GgufBuilder file;
        return read_bytes(file.key("general.type", type).bytes());
    };
    expect_bad_input(of_type("mmproj"), "projector");
    expect_bad_input(of_type("adapter"), "LoRA adapter");
    expect_bad_input(of_type("imatrix"), "importance matrix");
    GgufBuilder older;  // from before projectors had a type
    expect_bad_input(read_bytes(older.key("general.architecture", "clip").bytes()), "projector");
    EXPECT_TRUE(read_bytes(tiny_keys().key("general.type", "model").bytes()));
}

TEST(Hyperparameters, AnArchitectureNameOfAnyLengthIsBounded) {
    const std::string name(5000, 'x');
    expect_bad_input(read_bytes(tiny_keys().replace_key("general.architecture", name).bytes()),
                     "'general.architecture' has 5000 bytes");
}

}  // namespace
}  // namespace hexcore
