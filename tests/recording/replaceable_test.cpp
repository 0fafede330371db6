#include "hexcore/recording/replaceable.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <string_view>

#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

struct Replaceable {
    bool by_recording;
    bool by_report;
};

TEST(Replaceable, NoModelIsLostAndNoRecordingButByAnother) {
    const test::TempFolder folder;
    const fs::path path = folder / "file";
    const auto expect = [&](std::string_view content, const Replaceable& expected) {
        std::ofstream(path) << content;
        EXPECT_EQ(replaceable_by_recording(path).has_value(), expected.by_recording) << content;
        EXPECT_EQ(replaceable_by_report(path).has_value(), expected.by_report) << content;
    };
    expect("", {.by_recording = true, .by_report = true});
    expect("hexcore.hxr/1\nand more", {.by_recording = true, .by_report = false});
    expect("hexcore.hxr/2\n", {.by_recording = true, .by_report = false});
    expect("GGUF and more", {.by_recording = false, .by_report = false});
    expect("{\"schema\":\"hexcore.recording/1\"}", {.by_recording = false, .by_report = true});
    expect("h", {.by_recording = false, .by_report = true});
}

TEST(Replaceable, WhatIsNotThereAndWhatIsNoFileIsNoLoss) {
    const test::TempFolder folder;
    for (const fs::path& path : {folder / "none", folder.path(), fs::path("/dev/null")}) {
        EXPECT_TRUE(replaceable_by_recording(path).has_value()) << path;
        EXPECT_TRUE(replaceable_by_report(path).has_value()) << path;
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
    const auto by_report = replaceable_by_report(path);
    ASSERT_FALSE(by_report.has_value());
    EXPECT_EQ(by_report.error().code, ErrorCode::usage);
    EXPECT_THAT(by_report.error().message, HasSubstr("is a model"));
}

}  // namespace
}  // namespace hexcore
