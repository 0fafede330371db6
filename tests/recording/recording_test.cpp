#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>

#include "hexcore/recording/row_code.hpp"
#include "support/recordings.hpp"
#include "support/records.hpp"
#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

using std::chrono::milliseconds;
using test::KeptRecords;
using test::Records;

RecordedEnd some_end() {
    return {.time = std::chrono::seconds(3),
            .signalled = true,
            .code = 9,
            .killed_by = KilledBy::cgroup,
            .cgroup = "/sys/fs/cgroup/a",
            .cost = milliseconds(12),
            .own_memory = 30_MiB,
            .processes = 3,
            .missed = 1,
            .largest_process = 90_MiB,
            .notes = "a sentence"};
}

void expect_same(const RecordedRow& a, const RecordedRow& b) {
    EXPECT_EQ(a.device, b.device);
    EXPECT_EQ(a.time, b.time);
    EXPECT_EQ(a.sampled, b.sampled);
    EXPECT_EQ(a.others, b.others);
    EXPECT_EQ(a.free, b.free);
    ASSERT_EQ(a.parts.size(), b.parts.size());
    for (std::size_t i = 0; i < a.parts.size(); ++i) {
        EXPECT_EQ(a.parts[i].bytes, b.parts[i].bytes);
        EXPECT_EQ(a.parts[i].process->number, b.parts[i].process->number);
        EXPECT_EQ(a.parts[i].process->pid, b.parts[i].process->pid);
        EXPECT_EQ(a.parts[i].process->command, b.parts[i].process->command);
    }
}

/// Three seconds of processes that come, change, become another program, and go; and of a GPU.
std::vector<RecordedRow> eventful_rows() {
    std::vector<RecordedRow> rows;
    const auto first = test::some_process(1, "sh");
    const auto second = test::some_process(2, "python3 train.py");
    const auto renamed = test::some_process(1, "python3 main.py");
    for (int i = 0; i < 30; ++i) {
        std::vector<RecordedPart> parts;
        if (i < 25) {
            parts.push_back({i < 10 ? first : renamed, Bytes(4096) * (100 + (i * 37) % 11)});
        }
        if (i >= 5 && i != 12) {
            parts.push_back({second, 1_GiB + Bytes(4096) * i});
        }
        rows.push_back(test::host_row(milliseconds(100 * i), parts,
                                      i % 3 == 0 ? std::optional(8_GiB) : std::nullopt));
        if (i % 5 == 0) {
            rows.push_back({.device = 2,
                            .time = milliseconds(100 * i + 7),
                            .parts = {{second, Bytes(i + 1) * 1'000'003}},
                            .others = 2_GiB - Bytes(i),
                            .free = 22_GiB});
        }
    }
    rows.push_back(rows.back());
    rows.back().sampled = false;
    return rows;
}

std::string eventful_recording() {
    test::RecordedFile file;
    file.writer().run(test::some_run());
    file.writer().device(test::some_host());
    file.writer().device(test::some_gpu());
    for (const RecordedRow& row : eventful_rows()) {
        file.writer().row(row);
    }
    file.writer().end(some_end());
    EXPECT_EQ(file.writer().problem(), "");
    return file.bytes();
}

Result<RecordingRead> read(std::string_view bytes, RecordSink& sink) {
    test::BytesSource source(bytes);
    return read_recording(source, "test.hxr", sink);
}

TEST(Recording, GivesBackWhatWasWritten) {
    KeptRecords kept;
    const auto outcome = read(eventful_recording(), kept);
    ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
    EXPECT_EQ(outcome->unreadable_bytes, 0U);
    ASSERT_EQ(kept.runs.size(), 1U);
    EXPECT_EQ(kept.runs[0].writer, "hexcore test");
    EXPECT_EQ(kept.runs[0].started_unix_ms, 1'764'000'000'000U);
    EXPECT_EQ(kept.runs[0].interval, milliseconds(100));
    EXPECT_EQ(kept.runs[0].gpu_interval, milliseconds(500));
    EXPECT_THAT(kept.runs[0].command, ::testing::ElementsAre("python3", "train.py"));
    ASSERT_EQ(kept.devices.size(), 2U) << "each is told once";
    EXPECT_EQ(kept.devices[1].name, "cuda:0");
    EXPECT_EQ(kept.devices[1].description, "Fake RTX");
    EXPECT_EQ(kept.devices[0].total, 16_GiB);
    const auto rows = eventful_rows();
    ASSERT_EQ(kept.rows.size(), rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        expect_same(kept.rows[i], rows[i]);
    }
    ASSERT_EQ(kept.ends.size(), 1U);
    EXPECT_EQ(kept.ends[0].code, 9);
    EXPECT_TRUE(kept.ends[0].signalled);
    EXPECT_EQ(kept.ends[0].killed_by, KilledBy::cgroup);
    EXPECT_EQ(kept.ends[0].cgroup, "/sys/fs/cgroup/a");
    EXPECT_EQ(kept.ends[0].cost, milliseconds(12));
    EXPECT_EQ(kept.ends[0].largest_process, 90_MiB);
    EXPECT_EQ(kept.ends[0].notes, "a sentence");
    EXPECT_TRUE(kept.buckets.empty());
}

TEST(Recording, CutOffAnywhereIsReadableUpToItsLastWholeChunk) {
    const std::string whole = eventful_recording();
    const auto rows = eventful_rows();
    std::size_t read_before = 0;
    for (std::size_t size = 0; size < whole.size(); ++size) {
        KeptRecords kept;
        const auto outcome = read(std::string_view(whole).substr(0, size), kept);
        if (!outcome) {
            EXPECT_EQ(outcome.error().code, ErrorCode::bad_input);
            EXPECT_TRUE(kept.rows.empty());
            continue;
        }
        ASSERT_LE(kept.rows.size(), rows.size());
        ASSERT_GE(kept.rows.size(), read_before) << "with more of the file there is more";
        read_before = kept.rows.size();
        for (std::size_t i = 0; i < kept.rows.size(); ++i) {
            expect_same(kept.rows[i], rows[i]);
        }
    }
    EXPECT_GT(read_before, rows.size() / 2) << "a chunk is a small part of it";
}

TEST(Recording, WithAnyByteFlippedIsNoticedOrTheSame) {
    const std::string whole = eventful_recording();
    const auto rows = eventful_rows();
    for (std::size_t at = 0; at < whole.size(); ++at) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x20);
        KeptRecords kept;
        const auto outcome = read(damaged, kept);
        if (outcome) {
            EXPECT_GT(outcome->unreadable_bytes, 0U) << "byte " << at;
            EXPECT_TRUE(kept.ends.empty());
        }
        ASSERT_LE(kept.rows.size(), rows.size());
        for (std::size_t i = 0; i < kept.rows.size(); ++i) {
            expect_same(kept.rows[i], rows[i]);
        }
    }
}

TEST(Recording, RecordsOfLaterVersionsAreSkipped) {
    KeptRecords kept;
    Records records;
    records.run().add_unknown(77, "whatever").device().process(1).row(5, 0, 1, 10);
    RecordWriter longer;
    longer.number(9);
    longer.number(8);
    longer.number(12345);  // a field that this version does not know
    records.add(RecordKind::thinning, longer);
    ASSERT_TRUE(records.decodes(kept));
    ASSERT_EQ(kept.rows.size(), 1U);
    EXPECT_EQ(kept.rows[0].total(), 10_B);
    EXPECT_THAT(kept.buckets, ::testing::ElementsAre(std::chrono::microseconds(8)));
}

TEST(Recording, RecordsThatBreakARuleAreRefused) {
    const auto begun = [] { return Records().run().device().process(1); };
    EXPECT_TRUE(begun().row(5, 0, 1, 10).decodes());
    EXPECT_FALSE(Records().device().decodes()) << "no run";
    EXPECT_FALSE(Records().run().run().decodes()) << "two runs";
    EXPECT_FALSE(Records().run().device(0).decodes()) << "a unit of nothing";
    EXPECT_FALSE(Records().run().device(1).device(2).decodes()) << "another device of that number";
    EXPECT_FALSE(Records().run().process(0).decodes()) << "no number";
    EXPECT_FALSE(begun().row(5, 1, 1, 10).decodes()) << "a device that nobody told of";
    EXPECT_FALSE(begun().row(5, 70, 1, 10).decodes()) << "more devices than there are";
    EXPECT_FALSE(begun().row(5, 0, 2, 10).decodes()) << "a process that nobody told of";
    EXPECT_FALSE(begun().row(5, 0, 1, -10).decodes()) << "less than nothing";
    EXPECT_FALSE(begun().row(5, 0, 1, std::int64_t{1} << 50U).decodes()) << "nobody has that much";
    EXPECT_FALSE(begun().row(-5, 0, 1, 10).decodes()) << "before the start";
    EXPECT_FALSE(begun().row(5, 0, 1, 10).row(-3, 0, 1, 10).decodes()) << "back in time";
    EXPECT_FALSE(begun().add_unknown(4, "\x80").decodes()) << "cut off";
    RecordWriter end;
    for (int i = 0; i < 11; ++i) {
        end.number(0);
    }
    EXPECT_TRUE(begun().add(RecordKind::end, end).decodes());
    EXPECT_FALSE(begun().add(RecordKind::end, end).process(2).decodes()) << "after the end";
}

TEST(Recording, AFewBytesAreNotReadAsAnyNumberOfProcesses) {
    RowEncoder encoder;
    RowDecoder decoder;
    std::array<std::optional<RecordedDevice>, recorded_devices_max> devices;
    devices[0] = test::some_host();
    RecordedRow row = test::host_row(milliseconds(1), {});
    for (std::uint64_t i = 1; i <= recorded_processes_max; ++i) {
        row.parts.push_back({test::some_process(i), 4_KiB});
    }
    const auto decodes = [&] {
        RecordWriter bytes;
        encoder.encode(row, devices[0]->unit, bytes);
        RecordCursor cursor(bytes.bytes());
        return decoder.decode(cursor, devices);
    };
    const auto start_chunk = [&] {
        encoder.start_chunk();
        decoder.start_chunk();
        for (const RecordedPart& part : row.parts) {
            decoder.tell(part.process);
        }
    };
    start_chunk();
    std::size_t n_rows = 0;
    while (n_rows <= 8192 && decodes()) {
        ++n_rows;
    }
    EXPECT_EQ(n_rows, 8192U);
    start_chunk();
    EXPECT_TRUE(decodes()) << "that was of one chunk";
}

TEST(Recording, OtherFilesAreRefusedByName) {
    KeptRecords kept;
    for (const std::string bytes : {"", "hexcore.hxr/2\n", "GGUF", "hexcore.hxr/1\n"}) {
        const auto outcome = read(bytes, kept);
        ASSERT_FALSE(outcome.has_value());
        EXPECT_EQ(outcome.error().code, ErrorCode::bad_input);
        EXPECT_THAT(outcome.error().message, ::testing::HasSubstr("test.hxr"));
    }
    const test::TempFolder folder;
    for (const auto& path : {folder.path(), folder / "missing.hxr"}) {
        const auto outcome = read_recording_file(path, kept);
        ASSERT_FALSE(outcome.has_value());
        EXPECT_EQ(outcome.error().code, ErrorCode::bad_input);
    }
}

TEST(Recording, TheMostThatARowCanHaveFits) {
    test::RecordedFile file;
    RecordedRun run = test::some_run();
    run.command.assign(5000, std::string(1000, 'x'));
    file.writer().run(run);
    file.writer().device(test::some_host());
    RecordedRow row = test::host_row(milliseconds(1), {});
    for (std::uint64_t i = 1; i <= recorded_processes_max; ++i) {
        row.parts.push_back(
            {test::some_process(i << 32U, std::string(10000, 'c')), recorded_bytes_max});
    }
    row.others = recorded_bytes_max;
    file.writer().row(row);
    file.writer().end(some_end());
    EXPECT_EQ(file.writer().problem(), "");
    KeptRecords kept;
    const auto outcome = read(file.bytes(), kept);
    ASSERT_TRUE(outcome.has_value());
    EXPECT_EQ(outcome->unreadable_bytes, 0U);
    ASSERT_EQ(kept.rows.size(), 1U);
    EXPECT_EQ(kept.rows[0].total(), recorded_bytes_max * (recorded_processes_max + 1));
}

TEST(Recording, AFullDiskLeavesWholeChunksAndSaysSo) {
    const test::TempFolder folder;
    const auto path = folder / "full.hxr";
    FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    auto writer = RecordingWriter::make(std::move(file));
    ASSERT_TRUE(writer.has_value());
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    const rlimit small{1000, before.rlim_max};
    auto* handler = std::signal(SIGXFSZ, SIG_IGN);
    ::setrlimit(RLIMIT_FSIZE, &small);
    (*writer)->run(test::some_run());
    (*writer)->device(test::some_host());
    const auto process = test::some_process(1);
    for (int i = 0; i < 1000; ++i) {
        (*writer)->row(
            test::host_row(milliseconds(100 * i), {{process, Bytes(4096) * (i * i + 1)}}));
    }
    (*writer)->end(some_end());
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    EXPECT_EQ((*writer)->problem(), std::strerror(EFBIG));
    KeptRecords kept;
    const auto outcome = read_recording_file(path, kept);
    ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
    EXPECT_EQ(outcome->unreadable_bytes, 0U);
    EXPECT_GT(kept.rows.size(), 0U);
    EXPECT_TRUE(kept.ends.empty());
}

}  // namespace
}  // namespace hexcore
