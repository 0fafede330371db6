#include <gtest/gtest.h>

#include "model/read_bytes.hpp"

namespace hexcore {
namespace {

std::vector<std::filesystem::path> seeds() {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(HEXCORE_FUZZ_CORPUS)) {
        paths.push_back(entry.path());
    }
    return paths;
}

TEST(FuzzCorpus, StaysSmall) {
    EXPECT_GT(seeds().size(), 0);
    EXPECT_LT(seeds().size(), 64);
    for (const auto& path : seeds()) {
        EXPECT_LT(std::filesystem::file_size(path), 4096) << path;
    }
}

TEST(FuzzCorpus, EverySeedIsReadOrRefusedAsItsNameSays) {
    for (const auto& path : seeds()) {
        const auto model = read_inventory(path);
        const std::string name = path.filename().string();
        if (name.starts_with("good_")) {
            EXPECT_TRUE(model) << name << ": " << model.error().message;
        } else if (name.starts_with("bad_") || name.starts_with("cut_")) {
            test::expect_bad_input(model, path.string());
        } else if (!model) {
            EXPECT_EQ(model.error().code, ErrorCode::bad_input) << name;
        }
    }
}

}  // namespace
}  // namespace hexcore
