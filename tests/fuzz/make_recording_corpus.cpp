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
    return 0;
}
