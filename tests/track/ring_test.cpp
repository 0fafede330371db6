#include "hexcore/track/ring.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "hexcore/track/ring_reader.hpp"
#include "hexcore/track/ring_writer.hpp"
#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

constexpr std::uint64_t small_capacity = 4096;

std::string ring_in(const test::TempFolder& folder) {
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
        if (entry.path().extension() == ring_suffix) {
            return entry.path().string();
        }
    }
    return {};
}

/// The highest by which this process has the file open; -1: by none.
int descriptor_of(const std::string& path) {
    int highest = -1;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code error;
        if (std::filesystem::read_symlink(entry.path(), error) == path) {
            highest = std::max(highest, std::stoi(entry.path().filename().string()));
        }
    }
    return highest;
}

RingRecord mark(const std::string_view& text, std::span<const std::uint64_t> numbers = {}) {
    return {.kind = RingKind::mark, .numbers = numbers, .texts = {&text, 1}};
}

/// A writer and a reader of one ring.
struct Ring {
    explicit Ring(std::uint64_t capacity = small_capacity)
        : writer(RingWriter::make(folder.path().string(), capacity)),
          reader(RingReader::open(ring_in(folder))) {}

    bool put(const std::string& text, std::span<const std::uint64_t> numbers = {}) const {
        const std::string_view view = text;
        return writer->put(mark(view, numbers));
    }
    /// Writes into the file what no writer would.
    void overwrite(off_t offset, const void* bytes, std::size_t size) const {
        const FileDescriptor file(::open(ring_in(folder).c_str(), O_RDWR | O_CLOEXEC));
        ASSERT_EQ(::pwrite(file.get(), bytes, size, offset), static_cast<ssize_t>(size));
    }

    test::TempFolder folder;
    std::unique_ptr<RingWriter> writer;
    std::unique_ptr<RingReader> reader;
};

std::vector<std::string> texts_of(RingReader& reader) {
    std::vector<std::string> texts;
    if (reader.look()) {
        while (const RingRecord* record = reader.next()) {
            texts.emplace_back(record->texts.empty() ? "" : record->texts[0]);
        }
    }
    return texts;
}

TEST(Ring, GivesBackEachRecordAsItWasTold) {
    const Ring ring;
    const std::array<std::uint64_t, 3> numbers{1, ~0ULL, 77};
    const std::array<std::string_view, 2> texts{"weights", ""};
    const RingRecord told{.kind = RingKind::taken,
                          .detail = 3,
                          .depth = 9,
                          .thread = 1234,
                          .holder = 5,
                          .time_ns = 999,
                          .numbers = numbers,
                          .texts = texts};
    ASSERT_TRUE(ring.writer->put(told));
    ASSERT_TRUE(ring.reader->look());
    const RingRecord* read = ring.reader->next();
    ASSERT_NE(read, nullptr);
    EXPECT_EQ(read->kind, told.kind);
    EXPECT_EQ(read->detail, told.detail);
    EXPECT_EQ(read->depth, told.depth);
    EXPECT_EQ(read->thread, told.thread);
    EXPECT_EQ(read->holder, told.holder);
    EXPECT_EQ(read->time_ns, told.time_ns);
    EXPECT_TRUE(
        std::equal(read->numbers.begin(), read->numbers.end(), numbers.begin(), numbers.end()));
    EXPECT_TRUE(std::equal(read->texts.begin(), read->texts.end(), texts.begin(), texts.end()));
    EXPECT_EQ(ring.reader->next(), nullptr);
    EXPECT_FALSE(ring.reader->look());
    EXPECT_EQ(ring.reader->pid(), static_cast<std::uint32_t>(::getpid()));
}

/// Texts of all lengths, so that records begin and end anywhere, also across the end of the ring.
TEST(Ring, GoesRoundManyTimesWithoutLosingAnything) {
    const Ring ring;
    std::mt19937 random(3);
    for (int round = 0; round < 500; ++round) {
        std::vector<std::string> told;
        for (int i = 0; i < 4; ++i) {
            told.emplace_back(random() % 900, static_cast<char>('a' + i));
            ASSERT_TRUE(ring.put(told.back()));
        }
        ASSERT_EQ(texts_of(*ring.reader), told);
    }
    EXPECT_EQ(ring.reader->take_lost(), 0U);
}

TEST(Ring, ThatIsFullLosesRecordsAndCountsThem) {
    const Ring ring;
    std::vector<std::string> told;
    std::uint64_t lost = 0;
    for (int i = 0; i < 1000; ++i) {
        told.push_back(std::to_string(i));
        if (!ring.put(told.back())) {
            told.pop_back();
            ++lost;
        }
    }
    EXPECT_GT(lost, 0U);
    EXPECT_EQ(texts_of(*ring.reader), told);
    EXPECT_EQ(ring.reader->take_lost(), lost);
    EXPECT_EQ(ring.reader->take_lost(), 0U) << "each is told once";
    EXPECT_TRUE(ring.put("again")) << "there is room once it was read";
    EXPECT_EQ(texts_of(*ring.reader), std::vector<std::string>{"again"});
}

TEST(Ring, CutsLongTextsAtACharacter) {
    const Ring ring(1U << 16U);
    std::string euros;
    for (int i = 0; i < 1000; ++i) {
        euros += "\xE2\x82\xAC";
    }
    ASSERT_TRUE(ring.put(euros));
    const auto texts = texts_of(*ring.reader);
    ASSERT_EQ(texts.size(), 1U);
    EXPECT_EQ(texts[0], euros.substr(0, ring_text_bytes_max / 3 * 3));
}

TEST(Ring, IsReadWhileItIsWritten) {
    const Ring ring(1U << 16U);
    constexpr int n_records = 200'000;
    std::vector<std::uint64_t> read;
    const std::jthread writing([&](const std::stop_token& is_over) {
        for (std::uint64_t i = 0; i < n_records && !is_over.stop_requested();) {
            i += ring.put("", {&i, 1}) ? 1 : 0;
        }
    });
    while (read.size() < n_records) {
        if (ring.reader->look()) {
            while (const RingRecord* record = ring.reader->next()) {
                read.push_back(record->numbers[0]);
            }
        }
        ASSERT_FALSE(ring.reader->is_broken());
    }
    for (std::uint64_t i = 0; i < n_records; ++i) {
        ASSERT_EQ(read[i], i);
    }
}

TEST(Ring, ItsEndIsSeenAndWhatItToldBeforeIsRead) {
    Ring ring;
    EXPECT_FALSE(ring.reader->has_ended());
    ring.put("last words");
    ring.writer.reset();
    EXPECT_TRUE(ring.reader->has_ended());
    EXPECT_EQ(texts_of(*ring.reader), std::vector<std::string>{"last words"});
}

TEST(Ring, TheProgramLearnsThatNobodyReads) {
    const Ring ring;
    EXPECT_FALSE(ring.writer->is_abandoned());
    ring.reader->abandon();
    EXPECT_TRUE(ring.writer->is_abandoned());
}

TEST(Ring, IsMadeOnlyWhereThereIsRoomForAllOfIt) {
    const test::TempFolder folder;
    EXPECT_EQ(RingWriter::make((folder / "missing").string(), small_capacity), nullptr);
    EXPECT_EQ(RingWriter::make(folder.path().string(), 1ULL << 60U), nullptr);
    EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << "nothing is left";
}

/// The limit of a shell's `ulimit -f`, beyond which a signal ends the program.
TEST(Ring, IsNotMadeWhereNoFileMayBeThatLarge) {
    const test::TempFolder folder;
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const rlimit one_mib{1U << 20U, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &one_mib), 0);
    const auto writer = RingWriter::make(folder.path().string(), ring_capacity_usual);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT_EQ(writer, nullptr);
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Ring, IsNotMadeInAFolderOfOthers) {
    const test::TempFolder folder;
    ASSERT_EQ(::chmod(folder.path().c_str(), 0777), 0);
    EXPECT_EQ(RingWriter::make(folder.path().string(), small_capacity), nullptr);
}

/// A program that closes what it has not opened, or gives the number to a file of its own.
TEST(Ring, GoesOnWhenTheProgramClosesItsFileAndLeavesThatOfAnotherOpen) {
    Ring ring;
    const int descriptor = descriptor_of(ring_in(ring.folder));
    ASSERT_GE(descriptor, 500) << "out of the way";
    ASSERT_EQ(::dup2(STDERR_FILENO, descriptor), descriptor);
    EXPECT_FALSE(ring.reader->has_ended()) << "without its lock";
    EXPECT_TRUE(ring.put("goes on"));
    EXPECT_EQ(texts_of(*ring.reader), std::vector<std::string>{"goes on"});
    ring.writer.reset();
    EXPECT_TRUE(ring.reader->has_ended());
    EXPECT_EQ(::close(descriptor), 0) << "it was not the ring's any more";
}

/// A watcher's folder, in which it has locked its file.
TEST(Ring, OfAWatcherThatHasDiedIsGivenUpOnceItIsFullAndNoOtherIsMade) {
    Ring ring;
    {
        const FileDescriptor watcher(
            ::open((ring.folder / watcher_file).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        ASSERT_EQ(::flock(watcher.get(), LOCK_EX | LOCK_NB), 0);
        while (ring.put("full")) {
        }
        EXPECT_FALSE(ring.writer->is_abandoned()) << "it may be stopped, and read later";
        EXPECT_NE(RingWriter::make(ring.folder.path().string(), small_capacity), nullptr);
    }
    const std::string_view text = "no room";
    RingRecord record = mark(text);
    record.time_ns = 10'000'000'000;
    EXPECT_FALSE(ring.writer->put(record));
    EXPECT_TRUE(ring.writer->is_abandoned());
    EXPECT_EQ(RingWriter::make(ring.folder.path().string(), small_capacity), nullptr);
}

TEST(Ring, WhatIsNoRingIsNotOpened) {
    const Ring ring;
    EXPECT_EQ(RingReader::open((ring.folder / "missing.ring").string()), nullptr);
    EXPECT_EQ(RingReader::open(ring.folder.path().string()), nullptr) << "a folder";
    const std::string pipe = (ring.folder / "pipe.ring").string();
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    EXPECT_EQ(RingReader::open(pipe), nullptr);
    const std::string link = (ring.folder / "link.ring").string();
    std::filesystem::create_symlink(ring_in(ring.folder), link);
    EXPECT_EQ(RingReader::open(link), nullptr);
    std::filesystem::remove(link);
    std::filesystem::remove(pipe);
    for (const std::uint64_t capacity : {0ULL, 5000ULL, 1ULL << 40U}) {
        ring.overwrite(offsetof(RingHeader, capacity), &capacity, sizeof(capacity));
        EXPECT_EQ(RingReader::open(ring_in(ring.folder)), nullptr) << capacity;
    }
}

TEST(Ring, AHeadThatCannotBeEndsTheReading) {
    for (const std::uint64_t head : {std::uint64_t{small_capacity + 8}, ~std::uint64_t{0}}) {
        const Ring ring;
        ring.overwrite(offsetof(RingHeader, head), &head, sizeof(head));
        EXPECT_FALSE(ring.reader->look());
        EXPECT_TRUE(ring.reader->is_broken());
        EXPECT_EQ(ring.reader->next(), nullptr);
    }
}

TEST(Ring, ThatIsCutOffEndsTheReading) {
    const Ring ring;
    ring.put("told");
    ASSERT_EQ(::truncate(ring_in(ring.folder).c_str(), 1000), 0);
    (void)texts_of(*ring.reader);
    EXPECT_TRUE(ring.reader->is_broken());
}

/// Whatever stands in it, it is records, or the reading ends.
TEST(Ring, FullOfAnythingDoesNoHarm) {
    std::mt19937 random(11);
    for (int round = 0; round < 300; ++round) {
        const Ring ring;
        for (int i = 0; i < 20; ++i) {
            ring.put(std::string(random() % 100, 'x'));
        }
        for (int i = 0; i < 3; ++i) {
            const std::uint32_t value =
                static_cast<std::uint32_t>(round % 2 == 0 ? random() : random() % 200);
            ring.overwrite(static_cast<off_t>(ring_data_offset + random() % 1024), &value,
                           sizeof(value));
        }
        EXPECT_LE(texts_of(*ring.reader).size(), small_capacity / sizeof(RingRecordHeader));
    }
}

}  // namespace
}  // namespace hexcore
