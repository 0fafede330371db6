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

/// A file from some place on.
class FileSource : public RecordingSource {
public:
    FileSource(const FileDescriptor& file, std::uint64_t from) : file_(file), at_(from) {
        struct stat facts {};
        size_ = ::fstat(file.get(), &facts) == 0 ? static_cast<std::uint64_t>(facts.st_size) : 0;
    }

    std::uint64_t size() const override { return size_; }
    std::size_t read(std::span<char> into) override {
        std::size_t filled = 0;
        while (filled < into.size()) {
            const ssize_t count = file_.read_at(into.data() + filled, into.size() - filled,
                                                static_cast<off_t>(at_ + filled));
            if (count < 0 && errno == EINTR) {
                continue;
            }
            if (count <= 0) {
                break;
            }
            filled += static_cast<std::size_t>(count);
        }
        at_ += filled;
        return filled;
    }

private:
    const FileDescriptor& file_;
    std::uint64_t at_;
    std::uint64_t size_;
};

using UnpackerPtr = std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)>;

/// Reads chunk by chunk. What is no whole chunk is the end.
class ChunkReader {
public:
    ChunkReader() : unpacker_(ZSTD_createDCtx(), ZSTD_freeDCtx) {}

    /// The records of the next chunk; empty: there is none.
    std::string_view next(RecordingSource& source) {
        std::array<char, chunk_header_bytes> bytes{};
        if (unpacker_ == nullptr || source.read(bytes) < bytes.size()) {
            return {};
        }
        const auto header = ChunkHeader::from({bytes.data(), bytes.size()});
        if (!header) {
            return {};
        }
        packed_.resize(header->packed_bytes);
        plain_.resize(header->plain_bytes);
        if (source.read(packed_) < packed_.size() || chunk_checksum(packed_) != header->checksum) {
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
    UnpackerPtr unpacker_;
    std::string packed_;
    std::string plain_;
    std::uint64_t chunk_bytes_ = 0;
};

tl::unexpected<Error> nothing_readable(std::string_view name) {
    return fail(ErrorCode::bad_input,
                "{} is damaged from its beginning on: nothing of it can be read", name);
}

Result<void> check_beginning(RecordingSource& source, std::string_view name) {
    std::array<char, recording_magic.size()> begin{};
    if (source.read(begin) < begin.size() ||
        std::string_view(begin.data(), begin.size()) != recording_magic) {
        return fail(ErrorCode::bad_input,
                    "{} is no recording of this version of hexcore; name a file that watch wrote",
                    name);
    }
    return {};
}

Result<FileDescriptor> open_recording(const std::filesystem::path& path) {
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
    return file;
}

class FileFollower : public RecordingFollower {
public:
    FileFollower(FileDescriptor file, RecordSink& sink) : file_(std::move(file)), decoder_(sink) {}

    std::uint64_t go_on(std::uint64_t bytes_max) override {
        const std::uint64_t from = at_;
        while (!is_damaged_ && at_ - from <= bytes_max) {
            FileSource source(file_, at_);  // what was no whole chunk may be one by now
            const std::string_view records = chunks_.next(source);
            if (records.empty()) {
                break;
            }
            is_damaged_ = !decoder_.chunk(records);
            at_ += is_damaged_ ? 0 : chunks_.chunk_bytes();
        }
        return at_ - from;
    }
    [[nodiscard]] bool has_run() const { return decoder_.has_run(); }

private:
    FileDescriptor file_;
    std::uint64_t at_ = recording_magic.size();
    bool is_damaged_ = false;
    ChunkReader chunks_;
    RecordDecoder decoder_;
};

}  // namespace

Result<RecordingRead> read_recording(RecordingSource& source, std::string_view name,
                                     RecordSink& sink) {
    HEXCORE_TRY_VOID(check_beginning(source, name));
    ChunkReader chunks;
    RecordDecoder decoder(sink);
    std::uint64_t read_bytes = recording_magic.size();
    for (std::string_view records = chunks.next(source); !records.empty();
         records = chunks.next(source)) {
        if (!decoder.chunk(records)) {
            break;
        }
        read_bytes += chunks.chunk_bytes();
    }
    if (!decoder.has_run()) {
        return nothing_readable(name);
    }
    // A file that grows has more than it had.
    return RecordingRead{source.size() > read_bytes ? source.size() - read_bytes : 0};
}

Result<RecordingRead> read_recording_file(const std::filesystem::path& path, RecordSink& sink) {
    HEXCORE_TRY(file, open_recording(path));
    FileSource source(file, 0);
    return read_recording(source, path.string(), sink);
}

Result<std::unique_ptr<RecordingFollower>> RecordingFollower::open(
    const std::filesystem::path& path, RecordSink& sink) {
    HEXCORE_TRY(file, open_recording(path));
    FileSource source(file, 0);
    HEXCORE_TRY_VOID(check_beginning(source, path.string()));
    auto follower = std::make_unique<FileFollower>(std::move(file), sink);
    (void)follower->go_on(0);
    if (!follower->has_run()) {
        return nothing_readable(path.string());
    }
    return follower;
}

}  // namespace hexcore
