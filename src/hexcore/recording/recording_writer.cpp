#include "hexcore/recording/recording_writer.hpp"

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
constexpr int packing_level = 3;
// So that a row of the most processes, with all of them told, is no larger than a chunk.
constexpr std::size_t longest_command = 160;
constexpr std::size_t longest_word = 4096;
constexpr std::size_t longest_words = 65536;
constexpr std::size_t most_words = 1024;

/// A chunk covers a hundredth of the time so far.
microseconds chunk_span(RecordedTime now) {
    constexpr microseconds shortest(200'000);
    constexpr microseconds longest(10'000'000);
    return std::clamp(now / 100, shortest, longest);
}

/// False, with errno set, where not all of it could be written.
bool append_all(const FileDescriptor& file, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return false;
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
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
    std::unique_ptr<RecordingWriter> writer(
        new RecordingWriter(std::move(file), std::move(packer)));
    writer->write(recording_magic);
    return writer;
}

RecordingWriter::RecordingWriter(FileDescriptor file, std::unique_ptr<Packer> packer)
    : file_(std::move(file)),
      packer_(std::move(packer)),
      thinning_([this](const RecordedRow& row) { keep(row); }) {
    plain_.reserve(chunk_bytes_max);
    fields_.reserve(usual_chunk_bytes);
    told_.reserve(recorded_processes_max);
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
    add_record(RecordKind::run);
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
    thinning_.row(row);
}

/// Buckets twice as wide for each so many bytes.
void RecordingWriter::thin_further(RecordedTime now) {
    constexpr std::uint64_t most_doublings = 32;
    const std::uint64_t doublings = std::min(size_ / bytes_before_thinning, most_doublings);
    const microseconds bucket =
        doublings == 0 ? microseconds(0) : interval_ * (std::int64_t{1} << doublings);
    if (bucket == thinning_.bucket()) {
        return;
    }
    thinning_.set_bucket(bucket);
    fields_.clear();
    fields_.number(static_cast<std::uint64_t>(now.count()));
    fields_.number(static_cast<std::uint64_t>(bucket.count()));
    add_record(RecordKind::thinning);
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
    add_record(RecordKind::device);
}

void RecordingWriter::tell_processes(const RecordedRow& row) {
    for (const RecordedPart& part : row.parts) {
        ProcessRef& told = told_[part.process->number];
        if (told == part.process) {
            continue;
        }
        told = part.process;
        fields_.clear();
        fields_.number(part.process->number);
        fields_.number(part.process->pid);
        fields_.text(shortened(part.process->command, longest_command));
        add_record(RecordKind::process);
    }
}

void RecordingWriter::keep(const RecordedRow& row) {
    if (plain_.size() >= usual_chunk_bytes ||
        (has_time_ && row.time - begun_ >= chunk_span(row.time))) {
        write_chunk();
    }
    tell_device(row.device);
    tell_processes(row);
    fields_.clear();
    encoder_.encode(row, devices_[row.device].device->unit, fields_);
    add_record(RecordKind::row);
    extend_chunk(row.time);
}

void RecordingWriter::extend_chunk(RecordedTime time) {
    if (!has_time_) {
        begun_ = first_ = last_ = time;
        has_time_ = true;
    }
    first_ = std::min(first_, time);
    last_ = std::max(last_, time);
}

void RecordingWriter::end(const RecordedEnd& end) {
    thinning_.flush();
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
    add_record(RecordKind::end);
    extend_chunk(end.time);
    write_chunk();
}

void RecordingWriter::add_record(RecordKind kind) {
    frame_.clear();
    frame_.number(static_cast<std::uint64_t>(kind));
    frame_.number(fields_.bytes().size());
    plain_ += frame_.bytes();
    plain_ += fields_.bytes();
    ++n_records_;
}

void RecordingWriter::write_chunk() {
    std::string& packed = packer_->packed;
    if (n_records_ > 0 && problem_.empty()) {
        const std::size_t size = ZSTD_compressCCtx(
            packer_->context, packed.data() + chunk_header_bytes,
            packed.size() - chunk_header_bytes, plain_.data(), plain_.size(), packing_level);
        if (ZSTD_isError(size) != 0 || size > chunk_bytes_max || plain_.size() > chunk_bytes_max) {
            problem_ = "a part of it could not be packed";
        } else {
            ChunkHeader header{.packed_bytes = static_cast<std::uint32_t>(size),
                               .plain_bytes = static_cast<std::uint32_t>(plain_.size()),
                               .n_records = n_records_,
                               .first = first_,
                               .last = last_};
            header.checksum = chunk_checksum({packed.data() + chunk_header_bytes, size});
            const auto bytes = header.bytes();
            std::copy(bytes.begin(), bytes.end(), packed.begin());
            write({packed.data(), chunk_header_bytes + size});
        }
    }
    plain_.clear();
    n_records_ = 0;
    has_time_ = false;
    first_ = last_;
    told_.clear();
    encoder_.start_chunk();
    for (Device& device : devices_) {
        device.told = false;
    }
}

void RecordingWriter::write(std::string_view bytes) {
    if (append_all(file_, bytes)) {
        size_ += bytes.size();
        return;
    }
    problem_ = std::strerror(errno);
    // A part of a chunk would only be damage to whoever reads it.
    (void)!::ftruncate(file_.get(), static_cast<off_t>(size_));
}

}  // namespace hexcore
