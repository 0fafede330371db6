#include "hexcore/recording/recording_writer.hpp"

#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "hexcore/base/printable.hpp"
#include "hexcore/recording/chunk.hpp"

namespace hexcore {
namespace {

using std::chrono::microseconds;

constexpr std::size_t usual_chunk_bytes = 65536;
constexpr std::uint64_t bytes_before_thinning = 7U << 19U;  // 3.5 MiB
constexpr std::uint64_t bytes_before_more = 2U << 20U;
constexpr std::uint64_t most_event_bytes = 8U << 20U;
constexpr std::uint64_t most_label_bytes = 4U << 20U;
constexpr std::uint64_t sum_bytes_before_slowing = 512U << 10U;
constexpr int packing_level = 3;
constexpr std::size_t longest_word = 4096;
constexpr std::size_t longest_words = 65536;
constexpr std::size_t most_words = 1024;

/// A chunk covers a hundredth of the time so far.
microseconds chunk_span(RecordedTime now) {
    constexpr microseconds shortest(200'000);
    constexpr microseconds longest(10'000'000);
    return std::clamp(now / 100, shortest, longest);
}

std::vector<std::string> within_limits(const std::vector<std::string>& words) {
    std::vector<std::string> kept;
    std::size_t bytes = 0;
    for (const std::string& word : words) {
        kept.push_back(shortened(word, longest_word));
        bytes += kept.back().size();
        if (bytes > longest_words || kept.size() == most_words) {
            kept.back() = "...";
            break;
        }
    }
    return kept;
}

}  // namespace

struct RecordingWriter::Packer {
    Packer() : context(ZSTD_createCCtx()), packed(ZSTD_compressBound(chunk_bytes_max), '\0') {}
    ~Packer() { ZSTD_freeCCtx(context); }
    Packer(const Packer&) = delete;
    Packer& operator=(const Packer&) = delete;

    ZSTD_CCtx* context;
    std::string packed;
};

Result<std::unique_ptr<RecordingWriter>> RecordingWriter::make(FileDescriptor file) {
    auto packer = std::make_unique<Packer>();
    if (packer->context == nullptr) {
        return fail(ErrorCode::does_not_fit, "there is no memory left to pack a recording with");
    }
    return std::unique_ptr<RecordingWriter>(
        new RecordingWriter(std::move(file), std::move(packer)));
}

RecordingWriter::RecordingWriter(FileDescriptor file, std::unique_ptr<Packer> packer)
    : file_(std::move(file)),
      packer_(std::move(packer)),
      thinning_([this](const RecordedRow& row) { keep(row); }),
      amounts_thinning_([this](const RecordedAmounts& amounts) {
          encode(Part::rows, amounts.time, [&] { told_.encode(amounts); });
      }) {
    fields_.reserve(usual_chunk_bytes);
}

RecordingWriter::~RecordingWriter() = default;

void RecordingWriter::run(const RecordedRun& run) {
    interval_ = run.interval;
    fields_.clear();
    fields_.text(run.writer);
    fields_.number(run.started_unix_ms);
    fields_.number(static_cast<std::uint64_t>(run.interval.count()));
    fields_.number(static_cast<std::uint64_t>(run.gpu_interval.count()));
    const std::vector<std::string> words = within_limits(run.command);
    fields_.number(words.size());
    for (const std::string& word : words) {
        fields_.text(word);
    }
    fields_.number(run.attached_pid);
    chunk_.add(RecordKind::run, fields_);
    write_chunk();
}

void RecordingWriter::device(const RecordedDevice& device) {
    devices_[device.number] = {device, false};
    tell_device(device.number);
}

void RecordingWriter::thinned(RecordedTime /*from*/, microseconds /*bucket*/) {}

void RecordingWriter::row(const RecordedRow& row) {
    if (!problem_.empty()) {
        return;
    }
    thin_further(row.time);
    thinning_.add(row);
    const bool is_any_summed = summed_[0] || summed_[1];
    if (is_any_summed && row.time >= next_sums_) {
        tell_sums(row.time);
    }
}

void RecordingWriter::amounts(const RecordedAmounts& amounts) {
    if (problem_.empty()) {
        amounts_thinning_.add(amounts);
    }
}

void RecordingWriter::event(const RecordedEvent& event) {
    sites_.event(event);
    if (problem_.empty() && !is_summed(SummedPart::events, event.time)) {
        encode(Part::events, event.time, [&] { told_.encode(event); });
    }
}

void RecordingWriter::label(const RecordedLabel& label) {
    labels_.label(label);
    if (problem_.empty() && !is_summed(SummedPart::labels, label.time)) {
        encode(Part::labels, label.time, [&] { told_.encode(label); });
        open_labels_.label(label);
    }
}

void RecordingWriter::mark(const RecordedMark& mark) {
    if (problem_.empty() && !is_summed(SummedPart::labels, mark.time)) {
        encode(Part::labels, mark.time, [&] { told_.encode(mark); });
    }
}

void RecordingWriter::lost(const RecordedLoss& loss) {
    if (problem_.empty()) {
        encode(Part::labels, loss.time, [&] { told_.encode(loss); });
    }
}

/// Few enough, by who counts, to be kept whole in the room that rows have.
void RecordingWriter::counted_once(const RecordedCountedOnce& counted) {
    if (problem_.empty()) {
        encode(Part::rows, counted.time, [&] { told_.encode(counted); });
    }
}

void RecordingWriter::site(const RecordedSiteSum& /*sum*/) {}
void RecordingWriter::label_sum(const RecordedLabelSum& /*sum*/) {}
void RecordingWriter::summed(RecordedTime /*from*/, SummedPart /*part*/) {}

/// Buckets twice as wide for each so many bytes.
void RecordingWriter::thin_further(RecordedTime now) {
    constexpr std::uint64_t most_doublings = 32;
    const std::uint64_t bytes = spent(Part::rows);
    const std::uint64_t doublings =
        bytes < bytes_before_thinning
            ? 0
            : std::min(1 + (bytes - bytes_before_thinning) / bytes_before_more, most_doublings);
    const microseconds bucket =
        doublings == 0 ? microseconds(0) : interval_ * (std::int64_t{1} << doublings);
    if (bucket == thinning_.bucket()) {
        return;
    }
    thinning_.set_bucket(bucket);
    amounts_thinning_.set_bucket(bucket);
    fields_.clear();
    fields_.number(static_cast<std::uint64_t>(now.count()));
    fields_.number(static_cast<std::uint64_t>(bucket.count()));
    chunk_.add(RecordKind::thinning, fields_);
}

bool RecordingWriter::is_summed(SummedPart part, RecordedTime now) {
    const auto index = static_cast<std::size_t>(part);
    const bool is_full = part == SummedPart::events ? spent(Part::events) >= most_event_bytes
                                                    : spent(Part::labels) >= most_label_bytes;
    if (is_full && !summed_[index]) {
        summed_[index] = true;
        if (part == SummedPart::labels) {
            end_open_labels(now);
        }
        fields_.clear();
        fields_.number(static_cast<std::uint64_t>(now.count()));
        fields_.number(index);
        chunk_.add(RecordKind::summed, fields_);
    }
    return summed_[index];
}

/// Their ends are not told any more, and they would be taken for open to the end.
void RecordingWriter::end_open_labels(RecordedTime now) {
    for (RecordedLabel& label : open_labels_.all()) {
        label.time = now;
        label.edge = LabelEdge::end;
        encode(Part::labels, now, [&] { told_.encode(label); });
    }
}

/// After a hundredth of the time so far, twice as much for each so many bytes.
void RecordingWriter::tell_sums(RecordedTime now) {
    if (summed_[static_cast<std::size_t>(SummedPart::events)]) {
        sites_.tell_changed(now, [&](const RecordedSiteSum& sum) {
            encode(Part::sums, now, [&] { told_.encode(sum); });
        });
    }
    if (summed_[static_cast<std::size_t>(SummedPart::labels)]) {
        labels_.tell_changed([&](const RecordedLabelSum& sum) {
            encode(Part::sums, sum.last, [&] { told_.encode(sum); });
        });
    }
    constexpr std::uint64_t most_doublings = 6;
    const std::uint64_t doublings =
        std::min(spent(Part::sums) / sum_bytes_before_slowing, most_doublings);
    next_sums_ = now + now / 100 * (std::int64_t{1} << doublings);
}

template <typename Encoding>
void RecordingWriter::encode(Part part, RecordedTime time, Encoding encoding) {
    if (chunk_.bytes().size() >= usual_chunk_bytes ||
        (chunk_.has_time() && time - chunk_.begun() >= chunk_span(time))) {
        write_chunk();
    }
    const std::size_t before = chunk_.bytes().size();
    encoding();
    plain_bytes_[static_cast<std::size_t>(part)] += chunk_.bytes().size() - before;
}

std::uint64_t RecordingWriter::spent(Part part) const {
    return packed_bytes_[static_cast<std::size_t>(part)];
}

void RecordingWriter::tell_device(std::uint32_t number) {
    auto& [device, told] = devices_[number];
    if (told || !device) {
        return;
    }
    told = true;
    fields_.clear();
    fields_.number(number);
    fields_.number(static_cast<std::uint64_t>(device->kind));
    fields_.text(device->name);
    fields_.text(device->description);
    fields_.number(device->unit.count());
    fields_.number(device->total.count());
    chunk_.add(RecordKind::device, fields_);
}

void RecordingWriter::keep(const RecordedRow& row) {
    encode(Part::rows, row.time, [&] {
        tell_device(row.device);
        for (const RecordedPart& part : row.parts) {
            chunk_.refer(part.process);
        }
        fields_.clear();
        rows_.encode(row, devices_[row.device].device->unit, fields_);
        chunk_.add(RecordKind::row, fields_);
        chunk_.extend(row.time);
    });
}

void RecordingWriter::end(const RecordedEnd& end) {
    thinning_.flush();
    amounts_thinning_.flush();
    tell_sums(end.time);
    fields_.clear();
    fields_.number(static_cast<std::uint64_t>(end.time.count()));
    fields_.number(end.signalled ? 1 : 0);
    fields_.number(static_cast<std::uint64_t>(end.code));
    fields_.number(static_cast<std::uint64_t>(end.killed_by));
    fields_.text(end.cgroup);
    fields_.number(static_cast<std::uint64_t>(end.cost.count()));
    fields_.number(end.own_memory.count());
    fields_.number(end.processes);
    fields_.number(end.missed);
    fields_.number(end.largest_process.count());
    fields_.text(end.notes);
    fields_.number(static_cast<std::uint64_t>(end.ending));
    chunk_.add(RecordKind::end, fields_);
    chunk_.extend(end.time);
    write_chunk();
}

void RecordingWriter::write_chunk() {
    const std::string& plain = chunk_.bytes();
    std::string& packed = packer_->packed;
    if (!plain.empty() && problem_.empty() && begin_file()) {
        const std::size_t size = ZSTD_compressCCtx(
            packer_->context, packed.data() + chunk_header_bytes,
            packed.size() - chunk_header_bytes, plain.data(), plain.size(), packing_level);
        if (ZSTD_isError(size) != 0 || size > chunk_bytes_max || plain.size() > chunk_bytes_max) {
            problem_ = "a part of it could not be packed";
        } else {
            ChunkHeader header{.packed_bytes = static_cast<std::uint32_t>(size),
                               .plain_bytes = static_cast<std::uint32_t>(plain.size()),
                               .n_records = chunk_.n_records(),
                               .first = chunk_.first(),
                               .last = chunk_.last()};
            header.checksum = chunk_checksum({packed.data() + chunk_header_bytes, size});
            const auto bytes = header.bytes();
            std::copy(bytes.begin(), bytes.end(), packed.begin());
            write({packed.data(), chunk_header_bytes + size});
            for (std::size_t part = 0; part < n_parts; ++part) {
                packed_bytes_[part] +=
                    plain_bytes_[part] * (chunk_header_bytes + size) / plain.size();
            }
        }
    }
    plain_bytes_ = {};
    chunk_.start();
    rows_.start_chunk();
    told_.start_chunk();
    for (Device& device : devices_) {
        device.told = false;
    }
}

bool RecordingWriter::begin_file() {
    if (size_ > 0) {
        return true;
    }
    struct stat facts {};
    if (::fstat(file_.get(), &facts) == 0 && facts.st_size > 0 &&
        ::ftruncate(file_.get(), 0) != 0) {
        problem_ = std::strerror(errno);
        return false;
    }
    write(recording_magic);
    return problem_.empty();
}

void RecordingWriter::write(std::string_view bytes) {
    if (write_all(file_.get(), bytes)) {
        size_ += bytes.size();
        return;
    }
    problem_ = std::strerror(errno);
    // A part of a chunk would only be damage to whoever reads it.
    (void)!::ftruncate(file_.get(), static_cast<off_t>(size_));
}

}  // namespace hexcore
