#include "hexcore/recording/recording_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <zstd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/recording/chunk.hpp"
#include "hexcore/recording/record_decoder.hpp"

namespace hexcore {
namespace {

class FileSource : public RecordingSource {
public:
    FileSource(FileDescriptor file, std::uint64_t size) : file_(std::move(file)), size_(size) {}

    std::uint64_t size() const override { return size_; }
    std::size_t read(std::span<char> into) override {
        std::size_t filled = 0;
        while (filled < into.size()) {
            const ssize_t count = file_.read(into.data() + filled, into.size() - filled);
            if (count <= 0) {
                break;
            }
            filled += static_cast<std::size_t>(count);
        }
        return filled;
    }

private:
    FileDescriptor file_;
    std::uint64_t size_;
};

using UnpackerPtr = std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)>;

/// Reads chunk by chunk. What is no whole chunk is the end.
class ChunkReader {
public:
    explicit ChunkReader(RecordingSource& source)
        : source_(source), unpacker_(ZSTD_createDCtx(), ZSTD_freeDCtx) {}

    /// The records of the next chunk; empty: there is none.
    std::string_view next() {
        std::array<char, chunk_header_bytes> bytes{};
        if (unpacker_ == nullptr || source_.read(bytes) < bytes.size()) {
            return {};
        }
        const auto header = ChunkHeader::from({bytes.data(), bytes.size()});
        if (!header) {
            return {};
        }
        packed_.resize(header->packed_bytes);
        plain_.resize(header->plain_bytes);
        if (source_.read(packed_) < packed_.size() || chunk_checksum(packed_) != header->checksum) {
            return {};
        }
        const std::size_t size = ZSTD_decompressDCtx(unpacker_.get(), plain_.data(), plain_.size(),
                                                     packed_.data(), packed_.size());
        if (ZSTD_isError(size) != 0 || size != plain_.size()) {
            return {};
        }
        chunk_bytes_ = bytes.size() + packed_.size();
        return plain_;
    }
    /// In the file, of the last one.
    [[nodiscard]] std::uint64_t chunk_bytes() const { return chunk_bytes_; }

private:
    RecordingSource& source_;
    UnpackerPtr unpacker_;
    std::string packed_;
    std::string plain_;
    std::uint64_t chunk_bytes_ = 0;
};

}  // namespace

Result<RecordingRead> read_recording(RecordingSource& source, std::string_view name,
                                     RecordSink& sink) {
    std::array<char, recording_magic.size()> begin{};
    if (source.read(begin) < begin.size() ||
        std::string_view(begin.data(), begin.size()) != recording_magic) {
        return fail(ErrorCode::bad_input,
                    "{} is no recording of this version of hexcore; name a file that watch wrote",
                    name);
    }
    ChunkReader chunks(source);
    RecordDecoder decoder(sink);
    std::uint64_t read_bytes = begin.size();
    for (std::string_view records = chunks.next(); !records.empty(); records = chunks.next()) {
        if (!decoder.chunk(records)) {
            break;
        }
        read_bytes += chunks.chunk_bytes();
    }
    if (!decoder.has_run()) {
        return fail(ErrorCode::bad_input,
                    "{} is damaged from its beginning on: nothing of it can be read", name);
    }
    // A file that grows has more than it had.
    return RecordingRead{source.size() > read_bytes ? source.size() - read_bytes : 0};
}

Result<RecordingRead> read_recording_file(const std::filesystem::path& path, RecordSink& sink) {
    // Not waiting for whoever would write to a pipe.
    FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat facts {};
    if (!file.is_open() || ::fstat(file.get(), &facts) != 0) {
        return fail(ErrorCode::bad_input, "{} cannot be read: {}", path.string(),
                    std::strerror(errno));
    }
    if (!S_ISREG(facts.st_mode)) {
        return fail(ErrorCode::bad_input, "{} is no file", path.string());
    }
    FileSource source(std::move(file), static_cast<std::uint64_t>(facts.st_size));
    return read_recording(source, path.string(), sink);
}

}  // namespace hexcore
