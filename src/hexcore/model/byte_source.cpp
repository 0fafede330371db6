#include "hexcore/model/byte_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "hexcore/base/check.hpp"
#include "hexcore/base/file_descriptor.hpp"

namespace hexcore {

namespace {

std::string reason(int error_number) { return std::generic_category().message(error_number); }

FileStamp stamp_from(const struct stat& status) {
    return {.device = status.st_dev,
            .inode = status.st_ino,
            .size_bytes = static_cast<std::uint64_t>(status.st_size),
            .modified_ns = status.st_mtim.tv_sec * 1'000'000'000LL + status.st_mtim.tv_nsec};
}

class FileSource : public ByteSource {
public:
    FileSource(FileDescriptor file, std::uint64_t size) : file_(std::move(file)), size_(size) {}

    [[nodiscard]] std::uint64_t size() const override { return size_; }

    [[nodiscard]] Result<void> read_at(std::uint64_t offset,
                                       std::span<std::byte> target) const override {
        while (!target.empty()) {
            const ssize_t count =
                file_.read_at(target.data(), target.size(), static_cast<off_t>(offset));
            if (count < 0 && errno == EINTR) {
                continue;
            }
            if (count < 0) {
                return fail(ErrorCode::bad_input, "reading at byte {} failed: {}", offset,
                            reason(errno));
            }
            if (count == 0) {
                return fail(ErrorCode::bad_input,
                            "the file had {} bytes and became shorter while being read", size_);
            }
            target = target.subspan(static_cast<std::size_t>(count));
            offset += static_cast<std::uint64_t>(count);
        }
        return {};
    }

    [[nodiscard]] Result<FileStamp> stamp() const override {
        struct stat status {};
        if (::fstat(file_.get(), &status) != 0) {
            return fail(ErrorCode::bad_input, "cannot be examined: {}", reason(errno));
        }
        return stamp_from(status);
    }

private:
    FileDescriptor file_;
    std::uint64_t size_;
};

const char* kind_of(mode_t mode) {
    if (S_ISDIR(mode)) {
        return "a directory";
    }
    if (S_ISFIFO(mode)) {
        return "a FIFO";
    }
    return S_ISCHR(mode) || S_ISBLK(mode) ? "a device" : "no regular file";
}

}  // namespace

Result<std::unique_ptr<ByteSource>> open_file(const std::filesystem::path& path) {
    // Without O_NONBLOCK, opening a FIFO waits for somebody to write to it.
    FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!file.is_open()) {
        return fail(ErrorCode::bad_input, "cannot be opened: {}", reason(file.open_error()));
    }
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) {
        return fail(ErrorCode::bad_input, "cannot be examined: {}", reason(errno));
    }
    if (!S_ISREG(status.st_mode)) {
        return fail(ErrorCode::bad_input, "is {}, not a GGUF file", kind_of(status.st_mode));
    }
    return std::make_unique<FileSource>(std::move(file),
                                        static_cast<std::uint64_t>(status.st_size));
}

Result<FileStamp> stamp_of(const std::filesystem::path& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
        return fail(ErrorCode::bad_input, "{}: cannot be examined: {}", path.string(),
                    reason(errno));
    }
    return stamp_from(status);
}

Result<void> MemorySource::read_at(std::uint64_t offset, std::span<std::byte> target) const {
    HEXCORE_CHECK(offset <= bytes_.size() && target.size() <= bytes_.size() - offset, offset,
                  target.size());
    std::ranges::copy(bytes_.subspan(offset, target.size()), target.begin());
    return {};
}

}  // namespace hexcore
