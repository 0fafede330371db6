#include "hexcore/runtime/parallel_reader.hpp"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "runtime/loaded_model.hpp"

namespace hexcore::test {
namespace {

bool is_asleep(const std::filesystem::path& task) {
    std::string stat;
    std::getline(std::ifstream(task / "stat"), stat);
    return stat.empty() || stat.find(") S ") != std::string::npos;  // or it has ended
}

/// Whoever was woken before this has done then what it was woken for.
void wait_until_all_others_sleep() {
    const std::string own = std::to_string(::syscall(SYS_gettid));
    for (bool all = false; !all; std::this_thread::yield()) {
        all = true;
        for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
            all = all && (task.path().filename() == own || is_asleep(task.path()));
        }
    }
}

class Reader : public LoadedModelTest {
protected:
    void SetUp() override { write({.n_layers = 8, .n_experts = 16, .n_embd = 128}); }

    std::vector<std::byte> bytes_in_file(const TensorInfo& tensor) const {
        std::vector<std::byte> bytes(tensor.bytes.count());
        std::ifstream file(path_, std::ios::binary);
        file.seekg(static_cast<std::streamoff>(tensor.offset_bytes));
        file.read(reinterpret_cast<char*>(bytes.data()),
                  static_cast<std::streamsize>(bytes.size()));
        return bytes;
    }
};

TEST_F(Reader, WritesEachPieceWhereItWasPromised) {
    auto reader = ParallelReader::start(inventory_, {.threads = 3});
    ASSERT_TRUE(reader.has_value()) << reader.error().message;
    std::vector<std::vector<std::byte>> read;
    for (const TensorInfo& tensor : inventory_.tensors) {
        std::vector<std::byte>& to = read.emplace_back(tensor.bytes.count());
        const std::size_t half = to.size() / 2;
        ASSERT_TRUE((*reader)->fill(tensor.name, 0, {.address = to.data()}, half));
        ASSERT_TRUE(
            (*reader)->fill(tensor.name, half, {.address = to.data() + half}, to.size() - half));
    }
    ASSERT_TRUE((*reader)->finish([](ReadProgress) { return true; }).has_value());
    for (std::size_t i = 0; i < read.size(); ++i) {
        EXPECT_EQ(read[i], bytes_in_file(inventory_.tensors[i])) << inventory_.tensors[i].name;
    }
}

TEST_F(Reader, StagingMemoryIsInTheBooksForAsLongAsItReads) {
    Ledger books("host memory", 1_GiB);
    const ReaderOptions options{.threads = 2, .stages = true, .books = &books};
    auto reader = ParallelReader::start(inventory_, options);
    ASSERT_TRUE(reader.has_value()) << reader.error().message;
    EXPECT_GT(books.accounted().staging, 0_B);
    EXPECT_EQ(books.accounted().staging, options.staging());
    reader->reset();
    EXPECT_EQ(books.accounted(), Usage{});
}

TEST_F(Reader, LeavesWhatTheFileDoesNotHoldToTheCaller) {
    auto reader = ParallelReader::start(inventory_, {.threads = 1});
    ASSERT_TRUE(reader.has_value());
    std::byte byte{};
    const TensorInfo& tensor = inventory_.tensors.front();
    EXPECT_FALSE((*reader)->fill("no_such_tensor", 0, {.address = &byte}, 1));
    EXPECT_FALSE((*reader)->fill(tensor.name, tensor.bytes.count(), {.address = &byte}, 1));
    (*reader)->abandon();
    EXPECT_FALSE((*reader)->fill(tensor.name, 0, {.address = &byte}, 1));
}

TEST_F(Reader, WhatWasGivenUpIsNeverComplete) {
    auto reader = ParallelReader::start(inventory_, {.threads = 2});
    ASSERT_TRUE(reader.has_value());
    const TensorInfo& tensor = inventory_.tensors.back();
    std::vector<std::byte> to(tensor.bytes.count());
    ASSERT_TRUE((*reader)->fill(tensor.name, 0, {.address = to.data()}, to.size()));
    (*reader)->abandon();
    const auto finished = (*reader)->finish([](ReadProgress) { return true; });
    ASSERT_FALSE(finished.has_value());
    EXPECT_EQ(finished.error().code, ErrorCode::bad_input);
}

TEST_F(Reader, ReadsNothingBeforeAllIsPromised) {
    auto reader = ParallelReader::start(inventory_, {.threads = 2});
    ASSERT_TRUE(reader.has_value());
    const TensorInfo& tensor = inventory_.tensors.back();
    std::vector<std::byte> to(tensor.bytes.count());
    ASSERT_TRUE((*reader)->fill(tensor.name, 0, {.address = to.data()}, to.size()));
    wait_until_all_others_sleep();
    EXPECT_EQ((*reader)->bytes_read(), 0_B);
    EXPECT_EQ((*reader)->promised(), tensor.bytes);
    ASSERT_TRUE((*reader)->finish([](ReadProgress) { return true; }).has_value());
    EXPECT_EQ((*reader)->bytes_read(), tensor.bytes);
    EXPECT_EQ(to, bytes_in_file(tensor));
}

TEST_F(Reader, AFileThatWasCutSaysWhichTensorItEndsIn) {
    std::filesystem::resize_file(path_, std::filesystem::file_size(path_) - 100);
    const auto reader = ParallelReader::start(inventory_, {.threads = 1});
    ASSERT_FALSE(reader.has_value());
    EXPECT_EQ(reader.error().code, ErrorCode::bad_input);
    EXPECT_NE(reader.error().message.find(inventory_.tensors.back().name), std::string::npos)
        << reader.error().message;
}

TEST_F(Reader, AFileThatIsCutWhileItIsReadIsAnErrorAndNotACrash) {
    auto reader = ParallelReader::start(inventory_, {.threads = 2});
    ASSERT_TRUE(reader.has_value());
    std::filesystem::resize_file(path_, 4096);
    const TensorInfo& tensor = inventory_.tensors.back();
    std::vector<std::byte> to(tensor.bytes.count());
    ASSERT_TRUE((*reader)->fill(tensor.name, 0, {.address = to.data()}, to.size()));
    const auto finished = (*reader)->finish([](ReadProgress) { return true; });
    ASSERT_FALSE(finished.has_value());
    EXPECT_EQ(finished.error().code, ErrorCode::bad_input);
    EXPECT_NE(finished.error().message.find(tensor.name), std::string::npos);
}

}  // namespace
}  // namespace hexcore::test
