#include "hexcore/recording/replaceable.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string_view>

#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

namespace fs = std::filesystem;

TEST(Replaceable, NothingButARecordingIsLost) {
    const test::TempFolder folder;
    const fs::path path = folder / "file";
    const auto expect = [&](std::string_view content, bool expected) {
        std::ofstream(path) << content;
        EXPECT_EQ(replaceable_by_recording(path).has_value(), expected) << content;
    };
    expect("", true);
    expect("hexcore.hxr/1\nand more", true);
    expect("hexcore.hxr/2\n", true);
    expect("GGUF and more", false);
    expect("{\"schema\":\"hexcore.recording/1\"}", false);
    expect("h", false);
}

TEST(Replaceable, WhatIsNotThereAndWhatIsNoFileIsNoLoss) {
    const test::TempFolder folder;
    for (const fs::path& path : {folder / "none", folder.path(), fs::path("/dev/null")}) {
        EXPECT_TRUE(replaceable_by_recording(path).has_value()) << path;
    }
}

TEST(Replaceable, WhoIsRefusedIsToldWhatWouldBeLost) {
    const test::TempFolder folder;
    const fs::path path = folder / "file";
    std::ofstream(path) << "GGUF";
    const auto by_recording = replaceable_by_recording(path);
    ASSERT_FALSE(by_recording.has_value());
    EXPECT_EQ(by_recording.error().code, ErrorCode::usage);
    EXPECT_EQ(by_recording.error().message,
              path.string() +
                  " is there and is no recording; name another file, or remove it "
                  "first");
}

}  // namespace
}  // namespace hexcore
