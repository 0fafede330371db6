#include <gtest/gtest.h>

#include <random>

#include "model/read_bytes.hpp"
#include "support/gguf_builder.hpp"

namespace hexcore {
namespace {

using test::expect_bad_input;
using test::GgufBuilder;
using test::read_bytes;
using test::tiny_keys;
using test::tiny_model;

TEST(HostileHeader, TruncatedAnywhereIsRefused) {
    const std::string whole = tiny_model().bytes();
    ASSERT_TRUE(read_bytes(whole));
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const auto model = read_bytes(whole.substr(0, size));
        ASSERT_FALSE(model) << size;
        ASSERT_EQ(model.error().code, ErrorCode::bad_input) << size;
    }
}

TEST(HostileHeader, TruncationSaysWhereTheFileEnds) {
    const std::string whole = tiny_model().bytes();
    expect_bad_input(read_bytes(whole.substr(0, whole.size() - 1)), "tensor 'output.weight'",
                     "the file ends at byte", "downloaded");
    expect_bad_input(read_bytes(tiny_keys().bytes().substr(0, 60)), "key 'general.architecture'",
                     "the file ends at byte 60");
    expect_bad_input(read_bytes(""), "the header needs 4 bytes", "the file ends at byte 0");
}

TEST(HostileHeader, AnySingleWrongByteIsReadOrRefused) {
    const std::string whole = tiny_model().bytes();
    const std::size_t header_size = tiny_model().header().size();
    for (std::size_t at = 0; at < header_size; ++at) {
        for (const char flip : {'\x01', '\x80', '\xff'}) {
            std::string bytes = whole;
            bytes[at] = static_cast<char>(bytes[at] ^ flip);
            if (const auto model = read_bytes(bytes); !model) {
                ASSERT_EQ(model.error().code, ErrorCode::bad_input) << at;
                ASSERT_FALSE(model.error().message.empty()) << at;
            }
        }
    }
}

TEST(HostileHeader, OtherFormatsAndVersionsAreNamed) {
    expect_bad_input(read_bytes("PK\x03\x04 and so on"), "'PK\\x03\\x04'", "not a GGUF file");
    expect_bad_input(read_bytes(tiny_model().version(1).bytes()), "GGUF version 1");
    expect_bad_input(read_bytes(tiny_model().version(4).bytes()), "GGUF version 4",
                     "newer than this program");
    expect_bad_input(read_bytes(tiny_model().version(0).bytes()), "GGUF version 0");
    expect_bad_input(read_bytes(tiny_model().version(3U << 24U).bytes()), "big-endian");
}

TEST(HostileHeader, AbsurdCountsAreRefused) {
    expect_bad_input(read_bytes(tiny_model().claim_tensors(1ULL << 60U).bytes()),
                     "claims 1152921504606846976 tensors");
    expect_bad_input(read_bytes(tiny_model().claim_tensors(~0ULL).bytes()), "claims");
    expect_bad_input(read_bytes(tiny_model().claim_keys(~0ULL).bytes()),
                     "claims 18446744073709551615 keys");
    expect_bad_input(read_bytes(tiny_keys().claim_keys(60000).bytes()), "key 11 of 60000");
}

TEST(HostileHeader, StringsPastTheEndAreRefused) {
    GgufBuilder file = tiny_keys();
    file.key_raw("llama.note", GgufBuilder::type_string, GgufBuilder::raw(1ULL << 40U));
    expect_bad_input(read_bytes(file.bytes()), "key 'llama.note'", "1099511627776 bytes");
    GgufBuilder wrapping = tiny_keys();
    wrapping.key_raw("llama.note", GgufBuilder::type_string, GgufBuilder::raw(~0ULL));
    expect_bad_input(read_bytes(wrapping.bytes()), "key 'llama.note'", "18446744073709551615");
    const std::string start = "GGUF" + GgufBuilder::raw(3U) + GgufBuilder::raw(0ULL);
    expect_bad_input(
        read_bytes(start + GgufBuilder::raw(1ULL) + GgufBuilder::raw(1ULL << 40U) + "name"),
        "key 1 of 1", "at most 65535");
}

TEST(HostileHeader, ArraysOfAnySizeOrDepthAreRefused) {
    const auto array = [](std::uint32_t type, std::uint64_t length) {
        return tiny_keys()
            .key_raw("llama.list", GgufBuilder::type_array,
                     GgufBuilder::raw(type) + GgufBuilder::raw(length))
            .bytes();
    };
    expect_bad_input(read_bytes(array(GgufBuilder::type_array, 1)), "'llama.list'",
                     "array of arrays");
    expect_bad_input(read_bytes(array(GgufBuilder::type_u32, 1ULL << 62U)), "'llama.list'",
                     "at most 67108864");
    expect_bad_input(read_bytes(array(GgufBuilder::type_u32, 1000)), "'llama.list'",
                     "the file ends");
    expect_bad_input(read_bytes(array(GgufBuilder::type_f32, 60'000'000)), "'llama.list'",
                     "240000000 bytes");
    expect_bad_input(read_bytes(array(GgufBuilder::type_string, 60'000'000)), "'llama.list'",
                     "the file ends");
    expect_bad_input(read_bytes(array(13, 1)), "'llama.list'", "value type 13");
}

TEST(HostileHeader, UnknownValueTypesAreRefused) {
    expect_bad_input(read_bytes(tiny_keys().key_raw("llama.odd", 13, "").bytes()), "'llama.odd'",
                     "value type 13");
    expect_bad_input(read_bytes(tiny_keys().key_raw("llama.odd", ~0U, "").bytes()), "'llama.odd'",
                     "value type 4294967295");
}

TEST(HostileHeader, DuplicatesAndEmptyNamesAreRefused) {
    expect_bad_input(read_bytes(tiny_keys().key("llama.block_count", 2).bytes()),
                     "key 'llama.block_count' is there twice");
    expect_bad_input(read_bytes(tiny_keys().key("", 2).bytes()), "key 11 of 11", "empty name");
    expect_bad_input(read_bytes(tiny_model().tensor("output.weight", {32}).bytes()),
                     "tensor 'output.weight' is there twice");
    expect_bad_input(read_bytes(tiny_keys().tensor("", {32}).bytes()), "tensor 1 of 1",
                     "empty name");
}

TEST(HostileHeader, TensorNamesLongerThanGgmlAllowsAreRefused) {
    const std::string name(64, 'n');
    expect_bad_input(read_bytes(tiny_keys().tensor(name, {32}).bytes()), "64 bytes", "at most 63");
}

TEST(HostileHeader, NamesAreShownWithoutTheirControlCharacters) {
    expect_bad_input(read_bytes(tiny_keys().key_raw("a\x1b[2J\n", 77, "").bytes()),
                     "key 'a\\x1b[2J\\x0a'");
    const auto model = read_bytes(tiny_keys().key_raw(std::string(60000, 'k'), 77, "").bytes());
    ASSERT_FALSE(model);
    EXPECT_LT(model.error().message.size(), 300);
}

TEST(HostileHeader, ShapesThatCannotBeAreRefused) {
    const auto shape = [](const std::vector<std::int64_t>& lengths) {
        return tiny_keys().tensor_at(0, "output.weight", lengths).bytes();
    };
    expect_bad_input(read_bytes(shape({32, 0})), "'output.weight'", "0 elements in dimension 1");
    expect_bad_input(read_bytes(shape({-32, 2})), "'output.weight'", "-32 elements");
    expect_bad_input(read_bytes(shape({1, 1, 1, 1, 1})), "'output.weight'", "5 dimensions");
    expect_bad_input(read_bytes(shape({1LL << 32U, 1LL << 32U})), "'output.weight'", "63 bits");
    expect_bad_input(read_bytes(shape({1LL << 21U, 1LL << 21U, 1LL << 21U, 2})), "63 bits");
    expect_bad_input(read_bytes(shape({1LL << 61U})), "'output.weight'", "more bytes than");
    expect_bad_input(read_bytes(shape({1LL << 60U})), "'output.weight'", "the file ends");
}

TEST(HostileHeader, TypesThatCannotBeAreRefused) {
    for (const std::uint32_t type : {4U, 31U, 43U, 255U, 0x7FFFFFFFU, 0x80000000U, ~0U}) {
        expect_bad_input(read_bytes(tiny_keys().tensor_at(0, "output.weight", {32}, type).bytes()),
                         "'output.weight'", "type number " + std::to_string(type));
    }
    expect_bad_input(
        read_bytes(tiny_keys().tensor_at(0, "output.weight", {48}, GgufBuilder::q4_0).bytes()),
        "'output.weight'", "rows of 48", "blocks of 32");
}

TEST(HostileHeader, OffsetsOutsideTheDataAreRefused) {
    const auto at = [](std::uint64_t offset) {
        return tiny_keys().tensor("a", {32}).tensor_at(offset, "b", {32}).bytes();
    };
    expect_bad_input(read_bytes(at(128)), "tensor 'b'", "offset 128", "the file ends");
    expect_bad_input(read_bytes(at(~0ULL - 31)), "tensor 'b'", "the file ends");
    expect_bad_input(read_bytes(at(1ULL << 63U)), "tensor 'b'", "the file ends");
    expect_bad_input(read_bytes(at(4)), "tensor 'b'", "offset 4", "alignment 32");
    expect_bad_input(read_bytes(at(0)), "tensor 'a'", "overlaps tensor 'b'");
    expect_bad_input(read_bytes(tiny_keys().tensor("a", {32, 4}).tensor_at(96, "b", {8}).bytes()),
                     "tensor 'a'", "overlaps tensor 'b'");
}

TEST(HostileHeader, AlignmentsThatCannotBeAreRefused) {
    for (const std::uint32_t alignment : {0U, 48U, ~0U}) {
        expect_bad_input(read_bytes(tiny_model().key("general.alignment", alignment).bytes()),
                         "'general.alignment' is " + std::to_string(alignment), "power of 2");
    }
    expect_bad_input(read_bytes(tiny_model().key("general.alignment", 1U << 31U).bytes()),
                     "starts at byte 2147483648, but the file ends");
    expect_bad_input(read_bytes(tiny_model().key("general.alignment", "32").bytes()),
                     "'general.alignment' is of type string");
}

TEST(HostileHeader, ExpertsThatDisagreeWithTheirCountAreRefused) {
    expect_bad_input(read_bytes(tiny_model().replace_key("llama.expert_count", 5).bytes()),
                     "'blk.0.ffn_gate_exps.weight'", "32 x 2 x 4 x 1", "'llama.expert_count' is 5");
    expect_bad_input(read_bytes(tiny_model()
                                    .without_key("llama.expert_count")
                                    .without_key("llama.expert_used_count")
                                    .bytes()),
                     "'blk.0.ffn_gate_exps.weight'", "'llama.expert_count' is 0");
    expect_bad_input(
        read_bytes(tiny_keys(1).tensor("blk.0.ffn_up_exps.weight", {2, 2, 4, 2}).bytes()),
        "2 x 2 x 4 x 2");
}

TEST(HostileHeader, LayersBeyondTheirCountAreRefused) {
    expect_bad_input(read_bytes(tiny_model(2).tensor("blk.2.attn_q.weight", {32}).bytes()),
                     "'blk.2.attn_q.weight'", "beyond the 2 of key 'llama.block_count'");
    expect_bad_input(read_bytes(tiny_model(2).tensor("blk.4294967296.x.weight", {32}).bytes()),
                     "'blk.4294967296.x.weight'", "beyond the 2");
}

TEST(HostileHeader, UnmergedExpertsOfOldFilesAreRefused) {
    expect_bad_input(read_bytes(tiny_keys(2).tensor("blk.0.ffn_gate.3.weight", {32, 2}).bytes()),
                     "'blk.0.ffn_gate.3.weight'", "convert the model again");
}

TEST(HostileHeader, RandomBytesBehindAGoodStartAreReadOrRefused) {
    std::mt19937_64 random(7);
    const std::string whole = tiny_model().bytes();
    for (int round = 0; round < 2000; ++round) {
        std::string bytes = whole;
        for (int change = 0; change < 8; ++change) {
            const std::size_t at = 24 + random() % (bytes.size() - 32);
            const std::uint64_t value = random() >> (random() % 64);
            bytes.replace(at, sizeof value, GgufBuilder::raw(value));
        }
        if (const auto model = read_bytes(bytes); !model) {
            ASSERT_EQ(model.error().code, ErrorCode::bad_input);
        }
    }
}

}  // namespace
}  // namespace hexcore
