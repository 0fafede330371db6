// Writes the seeds of the recording's fuzz target into a folder:
// make_recording_corpus tests/fuzz/corpus_recording
#include <zstd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "hexcore/recording/chunk.hpp"
#include "support/recordings.hpp"

namespace hexcore::test {
namespace {

std::string recording(int rows, std::uint64_t processes) {
    RecordedFile file;
    file.writer().run(some_run());
    file.writer().device(some_host());
    file.writer().device(some_gpu());
    for (int i = 0; i < rows; ++i) {
        RecordedRow row = host_row(milliseconds(100 * i), {}, 8_GiB);
        for (std::uint64_t p = 1; p <= processes; ++p) {
            row.parts.push_back({some_process(p), Bytes(4096) * (p * 100 + (i * p) % 7)});
        }
        file.writer().row(row);
        row.device = 2;
        row.others = 1_GiB;
        row.sampled = false;
        file.writer().row(row);
    }
    file.writer().end({.time = milliseconds(100 * rows), .code = 3});
    return file.bytes();
}

/// What programs tell, of every kind.
std::string told_recording() {
    RecordedFile file;
    RecordingWriter& writer = file.writer();
    writer.run(some_run());
    const ProcessRef process = some_process(1);
    const TextRef step = some_text(1, "step");
    const TextRef kv = some_text(2, "kv");
    const auto stack =
        std::make_shared<RecordedStack>(RecordedStack{1, {{some_text(3, "/lib/a.so"), 77}}});
    const RecordedSite site{some_holder(1, process), kv, step, stack};
    writer.label({milliseconds(1), LabelEdge::begin, process, 7, step});
    writer.event({milliseconds(2), EventKind::taken, 4096, 1_MiB, site, {}});
    writer.event({milliseconds(3), EventKind::relabelled, 4096, 1_MiB, site, step});
    writer.event({milliseconds(4), EventKind::released, 4096, 1_MiB, site, {}});
    writer.event({milliseconds(4), EventKind::refused, 0, 1_GiB, site, {}});
    writer.amounts({milliseconds(5), site.holder, {{kv, 1_MiB}, {step, 2_MiB}}});
    writer.mark({milliseconds(6), process, kv});
    writer.label({milliseconds(7), LabelEdge::end, process, 7, step});
    writer.lost({milliseconds(8), process, 3});
    writer.end({.time = milliseconds(9)});
    return file.bytes();
}

/// What a writer makes of more than fits: sums of sites and labels.
std::string told_sums() {
    ChunkBuilder chunk;
    ToldEncoder encoder(chunk);
    const ProcessRef process = some_process(1);
    const TextRef step = some_text(1, "step");
    encoder.encode(RecordedSiteSum{
        milliseconds(1), {some_holder(1, process), step, step, nullptr}, 3_MiB, 2, 5});
    encoder.encode(RecordedLabelSum{milliseconds(2), process, step, 9});
    RecordWriter summed;
    summed.number(5);
    summed.number(0);
    chunk.add(RecordKind::summed, summed);
    return chunk.bytes();
}

/// `R` and the records of all chunks.
std::string records(std::string_view file) {
    std::string plain = "R";
    file.remove_prefix(recording_magic.size());
    while (const auto header = ChunkHeader::from(file)) {
        std::string chunk(header->plain_bytes, '\0');
        const std::string_view packed = file.substr(chunk_header_bytes, header->packed_bytes);
        (void)ZSTD_decompress(chunk.data(), chunk.size(), packed.data(), packed.size());
        plain += chunk;
        file.remove_prefix(chunk_header_bytes + packed.size());
    }
    return plain;
}

void write_seed(const std::filesystem::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace
}  // namespace hexcore::test

int main(int argc, char** argv) {
    using namespace hexcore::test;
    if (argc != 2) {
        fmt::print(stderr, "usage: make_recording_corpus FOLDER\n");
        return 2;
    }
    const std::filesystem::path folder = argv[1];
    std::filesystem::create_directories(folder);
    for (const int rows : {0, 3, 12}) {
        const std::string whole = recording(rows, 3);
        write_seed(folder / fmt::format("rows_{}.hxr", rows), whole);
        write_seed(folder / fmt::format("rows_{}.records", rows), records(whole));
        write_seed(folder / fmt::format("cut_off_{}.hxr", rows),
                   whole.substr(0, whole.size() * 2 / 3));
    }
    const std::string told = told_recording();
    write_seed(folder / "told.hxr", told);
    write_seed(folder / "told.records", records(told));
    RecordedFile begun;
    begun.writer().run(some_run());
    write_seed(folder / "told_sums.records", records(begun.bytes()) + told_sums());
    return 0;
}
