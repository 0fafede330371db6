#include <gtest/gtest.h>

#include "hexcore/model/split_files.hpp"
#include "model/read_bytes.hpp"
#include "support/gguf_builder.hpp"
#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

using test::expect_bad_input;
using test::GgufBuilder;
using test::TempFolder;
using test::tiny_keys;

GgufBuilder& place(GgufBuilder& file, std::uint32_t number, std::uint32_t count,
                   std::uint32_t n_tensors) {
    return file.key("split.no", number)
        .key("split.count", count)
        .key("split.tensors.count", n_tensors);
}

/// A model in three parts: keys alone, then a layer each. Each test spoils a part of it.
class Split : public testing::Test {
protected:
    Split() {
        place(parts_[0] = tiny_keys(2), 0, 3, 14);
        for (std::uint32_t i = 1; i < 3; ++i) {
            place(add_tiny_layer(parts_[i], i - 1), i, 3, 14);
        }
    }
    std::filesystem::path path(int part) const {
        return folder_ / fmt::format("big-{:05}-of-00003.gguf", part);
    }
    void write() const {
        for (int i = 0; i < 3; ++i) {
            parts_[static_cast<std::size_t>(i)].write(path(i + 1));
        }
    }

    TempFolder folder_;
    std::array<GgufBuilder, 3> parts_;
};

TEST_F(Split, IsReadWholeFromAnyPart) {
    write();
    for (int part = 1; part <= 3; ++part) {
        const auto model = read_inventory(path(part));
        ASSERT_TRUE(model) << model.error().message;
        EXPECT_EQ(model->files, (std::vector{path(1), path(2), path(3)}));
        ASSERT_EQ(model->tensors.size(), 14);
        const TensorInfo& first = test::tensor_named(*model, "blk.0.attn_norm.weight");
        const TensorInfo& second = test::tensor_named(*model, "blk.1.attn_norm.weight");
        EXPECT_EQ(first.file, 1);
        EXPECT_EQ(second.file, 2);
        EXPECT_EQ(first.offset_bytes, second.offset_bytes);
        EXPECT_EQ(model->n_experts, 4);
    }
}

TEST_F(Split, MissingPartsAreNamed) {
    write();
    std::filesystem::remove(path(2));
    expect_bad_input(read_inventory(path(1)), "split into 3 parts", path(2).string());
    std::filesystem::remove(path(1));
    expect_bad_input(read_inventory(path(3)), path(1).string() + ", " + path(2).string());
}

TEST_F(Split, OfVeryManyPartsNamesOnlyTheFirstMissing) {
    GgufBuilder file = tiny_keys(2);
    place(file, 0, 60000, 14).write(folder_ / "big-00001-of-60000.gguf");
    const auto model = read_inventory(folder_ / "big-00001-of-60000.gguf");
    expect_bad_input(model, "big-00002-of-60000.gguf", "and more");
    EXPECT_LT(model.error().message.size(), 1000);
}

TEST_F(Split, PartsInTheWrongPlaceAreRefused) {
    write();
    parts_[1].write(path(3));
    expect_bad_input(read_inventory(path(1)), path(3).string(), "'split.no' is 1");
}

TEST_F(Split, PartsOfAnotherModelAreRefused) {
    parts_[2].replace_key("split.count", 4);
    write();
    expect_bad_input(read_inventory(path(1)), path(3).string(), "'split.count' is 4");
    parts_[2].without_key("split.count").write(path(3));
    expect_bad_input(read_inventory(path(1)), path(3).string(), "'split.count' is 1");
}

TEST_F(Split, AnotherNumberOfTensorsIsRefused) {
    parts_[2].without_tensor("blk.1.attn_q.weight");
    write();
    expect_bad_input(read_inventory(path(1)), "'split.tensors.count' is 14", "have 13 tensors");
}

TEST_F(Split, ATensorInTwoPartsIsRefused) {
    parts_[2].without_tensor("blk.1.attn_q.weight").tensor("blk.0.attn_q.weight", {32});
    write();
    expect_bad_input(read_inventory(path(1)), "'blk.0.attn_q.weight' is there twice",
                     path(2).string(), path(3).string());
}

TEST_F(Split, AWrongTensorIsNamedWithItsFile) {
    parts_[2].tensor_at(1ULL << 40U, "output.weight", {32});
    write();
    expect_bad_input(read_inventory(path(1)), path(3).string(), "'output.weight'");
}

TEST_F(Split, APartUnderAnotherNameIsRefused) {
    parts_[0].write(folder_ / "renamed.gguf");
    expect_bad_input(read_inventory(folder_ / "renamed.gguf"), "one of 3 parts",
                     "-00001-of-00003.gguf");
    parts_[0].write(folder_ / "big-00001-of-00002.gguf");
    expect_bad_input(read_inventory(folder_ / "big-00001-of-00002.gguf"), "one of 3 parts");
}

TEST_F(Split, KeysOfTheWrongTypeAreRefused) {
    parts_[0].replace_key("split.count", "three");
    write();
    expect_bad_input(read_inventory(path(1)), "'split.count' is of type string");
}

TEST(SplitName, TellsPartFromWhole) {
    const auto name = parse_split_name("/models/big-00002-of-00007.gguf");
    ASSERT_TRUE(name);
    EXPECT_EQ(name->index, 1);
    EXPECT_EQ(name->count, 7);
    EXPECT_EQ(name->part(6), "/models/big-00007-of-00007.gguf");
}

TEST(SplitName, NumbersThatMakeNoSenseAreNoParts) {
    for (const char* path :
         {"big.gguf", "-of-.gguf", "big-00000-of-00002.gguf", "big-00003-of-00002.gguf",
          "big-0000a-of-00002.gguf", "big-00001-of-00002.bin", "big-00001_of_00002.gguf", ""}) {
        EXPECT_FALSE(parse_split_name(path)) << path;
    }
}

}  // namespace
}  // namespace hexcore
