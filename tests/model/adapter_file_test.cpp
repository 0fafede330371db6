#include "hexcore/model/adapter_file.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "model/read_bytes.hpp"
#include "support/temp_folder.hpp"
#include "support/tiny_mixture.hpp"

namespace hexcore {
namespace {

using test::expect_bad_input;
using test::GgufBuilder;

constexpr const char* query = "blk.0.attn_q.weight";
constexpr const char* experts = "blk.1.ffn_up_exps.weight";

GgufBuilder keys() {
    GgufBuilder file;
    file.key("general.type", "adapter")
        .key("general.architecture", "llama")
        .key("general.name", "Some adapter")
        .key("adapter.type", "lora")
        .key_f32("adapter.lora.alpha", 16.0F);
    return file;
}

/// Of rank 4, over an ordinary matrix and merged experts of the tiny mixture.
GgufBuilder good_adapter() {
    GgufBuilder file = keys();
    file.tensor(std::string(query) + ".lora_a", {64, 4})
        .tensor(std::string(query) + ".lora_b", {4, 64})
        .tensor(std::string(experts) + ".lora_a", {64, 4, 4})
        .tensor(std::string(experts) + ".lora_b", {4, 96, 4});
    return file;
}

class AdapterFileTest : public ::testing::Test {
protected:
    AdapterFileTest() {
        const auto path = folder_.path() / "tiny.gguf";
        test::write_tiny_mixture(path, {});
        base_ = read_inventory(path).value();
    }

    [[nodiscard]] Result<AdapterFile> read(const std::string& bytes) const {
        const MemorySource source(std::as_bytes(std::span(bytes)));
        return read_adapter(source, base_);
    }
    [[nodiscard]] Result<AdapterFile> read(const GgufBuilder& file) const {
        return read(file.bytes());
    }
    /// Of one pair over that tensor.
    [[nodiscard]] Result<AdapterFile> read_pair(const std::string& of,
                                                const std::vector<std::int64_t>& a,
                                                const std::vector<std::int64_t>& b,
                                                std::uint32_t type = GgufBuilder::f32) const {
        return read(keys().tensor(of + ".lora_a", a, type).tensor(of + ".lora_b", b, type));
    }
    std::filesystem::path write(const char* name, const GgufBuilder& file) {
        auto path = folder_.path() / name;
        GgufBuilder::write_file(path, file.bytes());
        return path;
    }

    test::TempFolder folder_;
    Inventory base_;
};

TEST_F(AdapterFileTest, SaysWhatItModifiesAndHowStrongly) {
    const auto adapter = read(good_adapter());
    ASSERT_TRUE(adapter) << adapter.error().message;
    EXPECT_EQ(adapter->name, "Some adapter");
    EXPECT_EQ(adapter->alpha, 16.0F);
    EXPECT_EQ(adapter->rank(), 4U);
    EXPECT_EQ(adapter->content.size(), 16U);
    ASSERT_EQ(adapter->pairs.size(), 2U);
    EXPECT_EQ(adapter->pairs[0].base, query);
    EXPECT_EQ(adapter->pairs[0].role, TensorRole::attention);
    EXPECT_EQ(adapter->pairs[1].n_experts, 4U);
    EXPECT_EQ(adapter->pairs[1].bytes(), Bytes((64 + 96) * 4 * 4 * 4));
    EXPECT_EQ(adapter->bytes(), Bytes((64 + 64) * 4 * 4 + (64 + 96) * 4 * 4 * 4));
}

TEST_F(AdapterFileTest, AnEmbeddingIsModifiedTheOtherWayRound) {
    EXPECT_TRUE(read_pair("token_embd.weight", {2, 128}, {2, 64}));
    expect_bad_input(read_pair("token_embd.weight", {64, 2}, {2, 128}), "do not go with it");
}

TEST_F(AdapterFileTest, AnEmbeddingThatIsTheOutputTooIsRefused) {
    std::erase_if(base_.tensors, [](const auto& tensor) { return tensor.name == "output.weight"; });
    expect_bad_input(read_pair("token_embd.weight", {2, 128}, {2, 64}), "is the output, too");
}

TEST_F(AdapterFileTest, WholeNormsAreLeftOutAsLibllamaDoes) {
    const auto adapter = read(good_adapter().tensor("blk.0.attn_norm.weight", {64}));
    ASSERT_TRUE(adapter) << adapter.error().message;
    EXPECT_EQ(adapter->n_left_out, 1U);
    EXPECT_EQ(adapter->pairs.size(), 2U);
}

TEST_F(AdapterFileTest, OtherFilesAreNamed) {
    expect_bad_input(read("PK\x03\x04 and so on"), "not a GGUF file");
    expect_bad_input(read(test::tiny_model()), "no adapter", "'model'");
    expect_bad_input(read(good_adapter().replace_key("general.type", "imatrix")), "'imatrix'");
    expect_bad_input(read(good_adapter().replace_key("adapter.type", "dora")), "'dora'");
    expect_bad_input(read(good_adapter().without_key("adapter.type")), "'adapter.type'");
    expect_bad_input(read(good_adapter().replace_key("general.architecture", "qwen3moe")),
                     "'qwen3moe'", "'llama'");
    expect_bad_input(read(good_adapter().key_u32s("adapter.alora.invocation_tokens", {1, 2})),
                     "aLoRA");
}

// libllama asserts these types.
TEST_F(AdapterFileTest, KeysOfAnotherTypeAreRefused) {
    for (const char* key : {"general.type", "general.architecture", "adapter.type"}) {
        expect_bad_input(read(good_adapter().replace_key(key, 7)), key);
    }
    const auto with_alpha = [&](std::uint32_t type, const std::string& value) {
        return read(good_adapter()
                        .without_key("adapter.lora.alpha")
                        .key_raw("adapter.lora.alpha", type, value));
    };
    expect_bad_input(with_alpha(GgufBuilder::type_u32, GgufBuilder::raw(16U)), "adapter.lora.alpha",
                     "32-bit floating-point");
    expect_bad_input(with_alpha(GgufBuilder::type_array, GgufBuilder::raw(GgufBuilder::type_f32) +
                                                             GgufBuilder::raw(std::uint64_t{1}) +
                                                             GgufBuilder::raw(1.0F)),
                     "an array of");
    for (const float wrong :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        expect_bad_input(with_alpha(GgufBuilder::type_f32, GgufBuilder::raw(wrong)),
                         "which is no number");
    }
    EXPECT_EQ(read(good_adapter().without_key("adapter.lora.alpha"))->alpha, 0.0F);
}

TEST_F(AdapterFileTest, WhatDoesNotGoWithTheModelIsRefused) {
    expect_bad_input(read_pair("blk.9.attn_q.weight", {64, 4}, {4, 64}), "'blk.9.attn_q.weight'",
                     "does not have");
    expect_bad_input(read_pair(query, {96, 4}, {4, 64}), "made for another model");
    expect_bad_input(read_pair(query, {64, 4}, {4, 96}), "made for another model");
    expect_bad_input(read_pair(query, {64, 4}, {5, 64}), "A of 64 x 4", "B of 5 x 64");
    expect_bad_input(read_pair(query, {4, 64}, {64, 4}), "made for another model");
    expect_bad_input(read_pair(query, {64, 4, 2}, {4, 64, 2}), "made for another model");
    expect_bad_input(read_pair(experts, {64, 4, 3}, {4, 96, 3}), "64 x 96 x 4 x 1");
    expect_bad_input(read_pair(experts, {64, 4, 4}, {4, 96, 3}), "made for another model");
    expect_bad_input(read_pair(experts, {64, 4}, {4, 96}), "made for another model");
    expect_bad_input(read_pair("blk.0.attn_norm.weight", {64, 4}, {4, 1}), "a vector");
    expect_bad_input(read_pair(query, {64, 0}, {0, 64}), ".lora_a");
    base_.tensors.front().type = "nvfp4";
    expect_bad_input(read_pair("token_embd.weight", {2, 128}, {2, 64}), "nvfp4");
    base_.n_layers_nextn = 1;
    expect_bad_input(read_pair("blk.2.attn_q.weight", {64, 4}, {4, 64}), "not loaded");
}

TEST_F(AdapterFileTest, HalvesAndDoublesAreRefused) {
    const std::string a = std::string(query) + ".lora_a";
    const std::string b = std::string(query) + ".lora_b";
    expect_bad_input(read(keys()), "holds no tensor");
    expect_bad_input(read(keys().tensor(a, {64, 4})), a, "no '.lora_b'");
    expect_bad_input(read(keys().tensor(b, {4, 64})), b, "no '.lora_a'");
    expect_bad_input(read(keys().tensor(a, {64, 4}).tensor(a, {64, 4}).tensor(b, {4, 64})),
                     "there twice");
    expect_bad_input(read(good_adapter().tensor("blk.0.attn_q.weight", {64, 64})),
                     "neither with '.lora_a'");
    expect_bad_input(read(keys().tensor(".lora_a", {64, 4}).tensor(".lora_b", {4, 64})),
                     "does not have");
}

TEST_F(AdapterFileTest, TypesThatNobodyMultipliesWithAreRefused) {
    EXPECT_TRUE(read_pair(query, {64, 32}, {32, 64}, GgufBuilder::q8_0));
    EXPECT_TRUE(read_pair(query, {64, 4}, {4, 64}, GgufBuilder::f16));
    constexpr std::uint32_t i32 = 26;
    std::string bytes = good_adapter().bytes();
    const std::string name = std::string(query) + ".lora_a";
    const std::size_t type = bytes.find(name) + name.size() + 4 + 2 * 8;  // behind the shape
    bytes.replace(type, 4, GgufBuilder::raw(i32));
    expect_bad_input(read(bytes), "i32", "are not computed");
}

TEST_F(AdapterFileTest, TruncatedAnywhereOrWithAnyWrongByteIsReadOrRefused) {
    const std::string whole = good_adapter().bytes();
    const std::size_t header = good_adapter().header().size();
    for (std::size_t size = 0; size < whole.size(); size += size < header ? 1 : 97) {
        const auto adapter = read(whole.substr(0, size));
        ASSERT_FALSE(adapter) << size;
        ASSERT_EQ(adapter.error().code, ErrorCode::bad_input) << size;
    }
    for (std::size_t at = 0; at < header; ++at) {
        for (const char flip : {'\x01', '\x80', '\xff'}) {
            std::string bytes = whole;
            bytes[at] = static_cast<char>(bytes[at] ^ flip);
            if (const auto adapter = read(bytes); !adapter) {
                ASSERT_EQ(adapter.error().code, ErrorCode::bad_input) << at;
            }
        }
    }
}

TEST_F(AdapterFileTest, TheSameContentUnderTwoNamesIsOneAdapterWithTheSumOfItsScales) {
    const auto one = write("one.gguf", good_adapter());
    const auto same = write("same.gguf", good_adapter());
    const auto other = write("other.gguf", good_adapter().key("general.version", "2"));
    const auto chosen =
        read_adapters(std::vector<AdapterWish>{{one, 0.5F}, {other, 2.0F}, {same, 0.25F}}, base_);
    ASSERT_TRUE(chosen) << chosen.error().message;
    ASSERT_EQ(chosen->size(), 2U);
    EXPECT_EQ((*chosen)[0].file.path, one);
    EXPECT_EQ((*chosen)[0].scale, 0.75F);
    EXPECT_EQ((*chosen)[0].key(), (*chosen)[0].file.content + "*0.75");
    EXPECT_EQ((*chosen)[1].file.path, other);
    EXPECT_NE((*chosen)[0].file.content, (*chosen)[1].file.content);
    const auto none = read_adapters(std::vector<AdapterWish>{{one, 1.0F}, {same, -1.0F}}, base_);
    ASSERT_TRUE(none);
    EXPECT_TRUE(none->empty());
}

TEST_F(AdapterFileTest, ErrorsSayAsDataWhatIsWrongWithAnAdapter) {
    const auto problem = [&](const std::filesystem::path& path) {
        const auto adapter = read_adapter(path, base_);
        EXPECT_FALSE(adapter);
        return adapter ? std::nullopt : adapter_problem(adapter.error());
    };
    EXPECT_EQ(problem(folder_.path() / "none.gguf"), AdapterProblem::missing);
    EXPECT_EQ(problem(folder_.path()), AdapterProblem::missing);
    const std::string whole = good_adapter().bytes();
    const auto half = folder_.path() / "half.gguf";
    for (const std::size_t size : {0U, 3U, 100U, 1000U}) {
        GgufBuilder::write_file(half, whole.substr(0, size));
        EXPECT_EQ(problem(half), AdapterProblem::damaged) << size;
    }
    EXPECT_EQ(problem(write("one.gguf", keys().tensor(std::string(query) + ".lora_a", {64, 4}))),
              AdapterProblem::damaged);
    EXPECT_EQ(problem(write("nothing.gguf", keys())), AdapterProblem::damaged);
    EXPECT_EQ(problem(write("other.gguf",
                            good_adapter().replace_key("general.architecture", "qwen3moe"))),
              AdapterProblem::foreign);
    EXPECT_EQ(problem(folder_.path() / "tiny.gguf"), AdapterProblem::foreign);
    EXPECT_EQ(problem(write("wide.gguf", keys()
                                             .tensor(std::string(query) + ".lora_a", {96, 4})
                                             .tensor(std::string(query) + ".lora_b", {4, 96}))),
              AdapterProblem::foreign);
    EXPECT_EQ(adapter_problem({ErrorCode::does_not_fit, ""}), AdapterProblem::too_big);
    EXPECT_EQ(adapter_problem({ErrorCode::interrupted, ""}), std::nullopt);
    EXPECT_STREQ(to_string(AdapterProblem::too_big), "too big");
}

TEST_F(AdapterFileTest, MessagesNameTheFile) {
    const auto path = write("half.gguf", keys().tensor(std::string(query) + ".lora_a", {64, 4}));
    expect_bad_input(read_adapter(path, base_), path.string(), "no '.lora_b'");
    expect_bad_input(read_adapter(folder_.path() / "none.gguf", base_), "none.gguf",
                     "cannot be opened");
    expect_bad_input(read_adapter(folder_.path(), base_), "directory");
    const auto wrong = read_adapters(
        std::vector<AdapterWish>{{path, std::numeric_limits<float>::infinity()}}, base_);
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().code, ErrorCode::usage);
}

}  // namespace
}  // namespace hexcore
