#include "hexcore/base/text_file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "hexcore/base/file_descriptor.hpp"

namespace hexcore {
namespace {

struct Pipe {
    static std::array<int, 2> ends() {
        std::array<int, 2> made{-1, -1};
        EXPECT_EQ(::pipe2(made.data(), O_CLOEXEC), 0);
        return made;
    }
    explicit Pipe(std::array<int, 2> made = ends()) : out(made[0]), in(made[1]) {}

    FileDescriptor out;
    FileDescriptor in;
};

TEST(TextFile, APipeIsReadUntilItEnds) {
    Pipe pipe;
    ASSERT_EQ(::write(pipe.in.get(), "one two", 7), 7);
    { const FileDescriptor closed(std::move(pipe.in)); }
    EXPECT_EQ(read_text(pipe.out.get(), "a pipe").value(), "one two");
}

TEST(TextFile, APipeThatNobodyWritesToIsLeftWhenAsked) {
    const Pipe pipe;
    const std::atomic<bool> stop{true};
    const auto text = read_text(pipe.out.get(), "a pipe", &stop);
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().code, ErrorCode::interrupted);
}

TEST(TextFile, ANamedPipeThatNobodyOpenedIsLeftWhenAsked) {
    const std::string path = testing::TempDir() + "text_file_test." + std::to_string(::getpid());
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    const std::atomic<bool> stop{true};
    const auto text = read_text_file(path, path, &stop);
    std::filesystem::remove(path);
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().code, ErrorCode::interrupted);
}

TEST(TextFile, WhatIsNoTextCannotBeRead) {
    for (const char* path : {"/", "/no/such/file"}) {
        const auto text = read_text_file(path, "it");
        ASSERT_FALSE(text);
        EXPECT_EQ(text.error().code, ErrorCode::bad_input);
        EXPECT_NE(text.error().message.find("it cannot be read: "), std::string::npos);
    }
    const auto endless = read_text_file("/dev/zero", "it");
    ASSERT_FALSE(endless);
    EXPECT_NE(endless.error().message.find("more than"), std::string::npos);
}

}  // namespace
}  // namespace hexcore
