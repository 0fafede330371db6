#include "hexcore/model/sampled_content.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "support/temp_folder.hpp"
#include "support/tiny_mixture.hpp"

namespace hexcore::test {
namespace {

std::string content_of_model(const std::filesystem::path& path) {
    const auto inventory = read_inventory(path);
    EXPECT_TRUE(inventory.has_value());
    const auto content = sampled_content(*inventory);
    EXPECT_TRUE(content.has_value());
    return *content;
}

TEST(SampledContent, IsThatOfACopyAndNotOfAnotherModel) {
    const TempFolder folder;
    const auto path = folder.path() / "one.gguf";
    write_tiny_mixture(path, {});
    const std::string content = content_of_model(path);
    EXPECT_EQ(content.size(), 32U);
    const auto copy = folder.path() / "copy.gguf";
    std::filesystem::copy_file(path, copy);
    EXPECT_EQ(content_of_model(copy), content);
    write_tiny_mixture(copy, {.seed = 8});
    EXPECT_NE(content_of_model(copy), content);
    // A header of the same size that says something else, and tensors that are the same.
    std::filesystem::copy_file(path, copy, std::filesystem::copy_options::overwrite_existing);
    std::fstream file(copy, std::ios::in | std::ios::out | std::ios::binary);
    std::string bytes(200, '\0');
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    const auto name = bytes.find("Tiny mixture");
    ASSERT_NE(name, std::string::npos);
    file.seekp(static_cast<std::streamoff>(name));
    file.write("Tidy", 4);
    file.close();
    EXPECT_NE(content_of_model(copy), content);
}

}  // namespace
}  // namespace hexcore::test
