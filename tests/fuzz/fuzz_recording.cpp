// A libFuzzer target: a recording from memory. What begins with `R` is the records of one chunk,
// which checksums would keep most changes away from; anything else a whole file. Besides not
// crashing, what is told must keep the promises of the format, and be something to analyse.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "hexcore/base/check.hpp"
#include "hexcore/recording/record_decoder.hpp"
#include "hexcore/watch/analysis.hpp"
#include "support/recordings.hpp"

namespace hexcore {
namespace {

class CheckedAnalysis : public Analysis {
public:
    void row(const RecordedRow& row) override {
        HEXCORE_CHECK(row.device < recorded_devices_max, row.device, recorded_devices_max);
        HEXCORE_CHECK(row.parts.size() <= recorded_processes_max, row.parts.size(),
                      recorded_processes_max);
        HEXCORE_CHECK(row.time.count() >= 0, row.time.count(), 0);
        HEXCORE_CHECK(row.others <= recorded_bytes_max, row.others.count(), row.device);
        std::uint64_t before = 0;
        for (const RecordedPart& part : row.parts) {
            HEXCORE_CHECK(part.process->number > before, part.process->number, before);
            HEXCORE_CHECK(part.bytes <= recorded_bytes_max, part.bytes.count(), row.device);
            before = part.process->number;
        }
        Analysis::row(row);
    }
};

}  // namespace
}  // namespace hexcore

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace hexcore;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    CheckedAnalysis analysis;
    if (bytes.starts_with('R')) {
        RecordDecoder decoder(analysis);
        (void)decoder.chunk(bytes.substr(1));
    } else {
        test::BytesSource source(bytes);
        const auto read = read_recording(source, "fuzz.hxr", analysis);
        if (!read) {
            HEXCORE_CHECK(read.error().code == ErrorCode::bad_input, read.error().message, size);
        }
    }
    const WatchFindings findings = analysis.findings();
    HEXCORE_CHECK(findings.processes.size() <= 64, findings.processes.size(), 64);
    return 0;
}
