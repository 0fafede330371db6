#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hexcore/recording/recording_reader.hpp"
#include "hexcore/recording/recording_writer.hpp"
#include "hexcore/recording/told_records.hpp"

namespace hexcore::test {

using std::chrono::microseconds;
using std::chrono::milliseconds;

/// Keeps all that it is told.
struct KeptRecords : RecordSink {
    void run(const RecordedRun& run) override { runs.push_back(run); }
    void device(const RecordedDevice& device) override { devices.push_back(device); }
    void row(const RecordedRow& row) override { rows.push_back(row); }
    void thinned(RecordedTime /*from*/, microseconds bucket) override { buckets.push_back(bucket); }
    void end(const RecordedEnd& end) override { ends.push_back(end); }
    void amounts(const RecordedAmounts& told) override { all_amounts.push_back(told); }
    void event(const RecordedEvent& event) override { events.push_back(event); }
    void site(const RecordedSiteSum& sum) override { sites.push_back(sum); }
    void label(const RecordedLabel& label) override { labels.push_back(label); }
    void label_sum(const RecordedLabelSum& sum) override { label_sums.push_back(sum); }
    void mark(const RecordedMark& mark) override { marks.push_back(mark); }
    void lost(const RecordedLoss& loss) override { losses.push_back(loss); }
    void counted_once(const RecordedCountedOnce& each) override {
        all_counted_once.push_back(each);
    }
    void summed(RecordedTime /*from*/, SummedPart part) override { parts_summed.push_back(part); }

    std::vector<RecordedRun> runs;
    std::vector<RecordedDevice> devices;
    std::vector<RecordedRow> rows;
    std::vector<microseconds> buckets;
    std::vector<RecordedEnd> ends;
    std::vector<RecordedAmounts> all_amounts;
    std::vector<RecordedEvent> events;
    std::vector<RecordedSiteSum> sites;
    std::vector<RecordedLabel> labels;
    std::vector<RecordedLabelSum> label_sums;
    std::vector<RecordedMark> marks;
    std::vector<RecordedLoss> losses;
    std::vector<RecordedCountedOnce> all_counted_once;
    std::vector<SummedPart> parts_summed;
};

class BytesSource : public RecordingSource {
public:
    explicit BytesSource(std::string_view bytes) : rest_(bytes), size_(bytes.size()) {}

    std::uint64_t size() const override { return size_; }
    std::size_t read(std::span<char> into) override {
        const std::size_t count = std::min(into.size(), rest_.size());
        std::copy_n(rest_.begin(), count, into.begin());
        rest_.remove_prefix(count);
        return count;
    }

private:
    std::string_view rest_;
    std::uint64_t size_;
};

inline RecordedRun some_run() {
    return {.writer = "hexcore test",
            .started_unix_ms = 1'764'000'000'000,
            .interval = milliseconds(100),
            .gpu_interval = milliseconds(500),
            .command = {"python3", "train.py"}};
}

inline RecordedDevice some_host() {
    return {.number = 0,
            .kind = RecordedKind::host,
            .name = "host",
            .description = "main memory",
            .unit = Bytes(4096),
            .total = 16_GiB};
}

inline RecordedDevice some_gpu() {
    return {.number = 2,
            .kind = RecordedKind::gpu,
            .name = "cuda:0",
            .description = "Fake RTX",
            .unit = Bytes(1),
            .total = 24_GiB};
}

inline ProcessRef some_process(std::uint64_t number, std::string command = "worker") {
    return std::make_shared<RecordedProcess>(
        RecordedProcess{number, static_cast<std::uint32_t>(1000 + number), std::move(command)});
}

inline RecordedRow host_row(milliseconds time, std::vector<RecordedPart> parts,
                            std::optional<Bytes> free = {}) {
    return {.device = 0, .time = time, .parts = std::move(parts), .others = {}, .free = free};
}

inline TextRef some_text(std::uint64_t number, std::string text) {
    return std::make_shared<RecordedText>(RecordedText{number, std::move(text)});
}

inline HolderRef some_holder(std::uint64_t number, ProcessRef process,
                             std::string device = "host0") {
    return std::make_shared<RecordedHolder>(
        RecordedHolder{number, std::move(process), HolderKind::ledger, std::move(device), 2_GiB});
}

/// A file with no name that a writer writes to and a test reads.
class RecordedFile {
public:
    RecordedFile() : descriptor_(::memfd_create("recording", MFD_CLOEXEC)) {
        auto made = RecordingWriter::make(FileDescriptor(::dup(descriptor_)));
        writer_ = std::move(*made);
    }
    ~RecordedFile() { ::close(descriptor_); }
    RecordedFile(const RecordedFile&) = delete;
    RecordedFile& operator=(const RecordedFile&) = delete;

    RecordingWriter& writer() { return *writer_; }
    [[nodiscard]] std::string bytes() const {
        std::string bytes(writer_->size(), '\0');
        (void)!::pread(descriptor_, bytes.data(), bytes.size(), 0);
        return bytes;
    }

private:
    int descriptor_;
    std::unique_ptr<RecordingWriter> writer_;
};

}  // namespace hexcore::test
