#include "hexcore/base/file_start.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "support/temp_folder.hpp"

namespace hexcore::test {
namespace {

namespace fs = std::filesystem;

TEST(FileStart, SaysWhatKindAFileIs) {
    const TempFolder folder;
    const fs::path file = folder / "file";
    std::ofstream(file) << "GGUF and more";
    EXPECT_TRUE(begins_with(file, "GGUF"));
    EXPECT_FALSE(begins_with(file, "gguf"));
    EXPECT_FALSE(begins_with(file, "GGUF and more than there is"));
}

TEST(FileStart, OfWhatIsNoFileThereIsNone) {
    const TempFolder folder;
    for (const fs::path& none : {folder.path(), folder / "none", fs::path("/dev/zero")}) {
        EXPECT_FALSE(begins_with(none, std::string(1, '\0'))) << none;
    }
    const fs::path pipe = folder / "pipe";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    EXPECT_FALSE(begins_with(pipe, "GGUF")) << "and nobody waits for a writer";
}

}  // namespace
}  // namespace hexcore::test
