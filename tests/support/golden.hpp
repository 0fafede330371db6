#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

namespace hexcore::test {

/// Expects `text` to be what tests/golden/`name` holds. With HEXCORE_RENEW_GOLDEN=1 in the
/// environment the file is written instead; read the difference before it is committed.
inline void expect_golden(std::string_view name, std::string_view text) {
    const std::filesystem::path path = std::filesystem::path(HEXCORE_GOLDEN_DIR) / name;
    const char* renew = std::getenv("HEXCORE_RENEW_GOLDEN");
    if (renew != nullptr && std::string_view(renew) == "1") {
        std::ofstream file(path, std::ios::binary);
        file << text;
        ASSERT_TRUE(file.good()) << "cannot write " << path;
        return;
    }
    std::ifstream file(path, std::ios::binary);
    ASSERT_TRUE(file.good()) << path << " is missing; renew it with HEXCORE_RENEW_GOLDEN=1";
    std::ostringstream expected;
    expected << file.rdbuf();
    EXPECT_EQ(expected.str(), text) << path << " differs; renew it with HEXCORE_RENEW_GOLDEN=1";
}

}  // namespace hexcore::test
