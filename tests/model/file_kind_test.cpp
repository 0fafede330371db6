#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/read_bytes.hpp"
#include "support/gguf_builder.hpp"
#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

using test::expect_bad_input;
using test::GgufBuilder;
using test::TempFolder;
using test::tiny_keys;
using test::tiny_model;

TEST(FileKind, WhatIsNoRegularFileIsRefusedAtOnce) {
    const TempFolder folder;
    expect_bad_input(read_inventory(folder.path()), folder.path().string(), "is a directory");
    expect_bad_input(read_inventory("/dev/zero"), "/dev/zero", "is a device");
    expect_bad_input(read_inventory("/dev/null"), "is a device");
    const auto fifo = folder / "fifo.gguf";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    expect_bad_input(read_inventory(fifo), "is a FIFO");
}

TEST(FileKind, MissingAndEmptyFilesAreRefused) {
    const TempFolder folder;
    expect_bad_input(read_inventory(folder / "none.gguf"), "cannot be opened", "No such file");
    GgufBuilder::write_file(folder / "empty.gguf", "");
    expect_bad_input(read_inventory(folder / "empty.gguf"), "empty.gguf", "ends at byte 0");
    expect_bad_input(read_inventory(""), "cannot be opened");
}

TEST(FileKind, AFileWithoutPermissionIsRefused) {
    if (::geteuid() == 0) {
        // The superuser may read everything, so this takes an entry that even it cannot open.
        const TempFolder folder;
        const auto loop = folder / "loop.gguf";
        std::filesystem::create_symlink(loop, loop);
        expect_bad_input(read_inventory(loop), "cannot be opened");
        return;
    }
    const TempFolder folder;
    tiny_model().write(folder / "closed.gguf");
    std::filesystem::permissions(folder / "closed.gguf", std::filesystem::perms::none);
    expect_bad_input(read_inventory(folder / "closed.gguf"), "cannot be opened",
                     "Permission denied");
}

TEST(FileKind, SymbolicLinksAreFollowed) {
    const TempFolder folder;
    tiny_model().write(folder / "model.gguf");
    std::filesystem::create_symlink("model.gguf", folder / "link.gguf");
    EXPECT_TRUE(read_inventory(folder / "link.gguf"));
}

/// A source that reports more bytes than it delivers.
class ShrinkingSource : public MemorySource {
public:
    using MemorySource::MemorySource;
    [[nodiscard]] Result<void> read_at(std::uint64_t offset,
                                       std::span<std::byte> target) const override {
        if (offset + target.size() > 100) {
            return fail(ErrorCode::bad_input, "became shorter");
        }
        return MemorySource::read_at(offset, target);
    }
};

TEST(FileKind, AReadErrorIsPassedOn) {
    const std::string bytes = tiny_model().bytes();
    const ShrinkingSource source(std::as_bytes(std::span(bytes)));
    expect_bad_input(read_gguf_header(source), "became shorter");
}

TEST(FileKind, AHugeSparseFileCostsNothing) {
    const TempFolder folder;
    const auto path = folder / "sparse.gguf";
    // 60 million empty strings lie within this file, but beyond what metadata can be
    GgufBuilder file = tiny_keys();
    file.key_raw("a.list", GgufBuilder::type_array,
                 GgufBuilder::raw(GgufBuilder::type_string) + GgufBuilder::raw(60'000'000ULL) +
                     GgufBuilder::raw(1ULL << 31U));
    file.write(path);
    std::filesystem::resize_file(path, 1ULL << 40U);
    expect_bad_input(read_inventory(path), "key 'a.list'", "1.00 GiB of metadata");
}

}  // namespace
}  // namespace hexcore
