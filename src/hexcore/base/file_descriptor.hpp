#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <string_view>
#include <utility>

namespace hexcore {

/// An open file or socket, closed at the end of its scope.
class FileDescriptor {
public:
    explicit FileDescriptor(const char* path)
        : descriptor_(::open(path, O_RDONLY | O_CLOEXEC)), open_error_(errno) {}
    /// Takes over what was just opened; negative where that failed.
    explicit FileDescriptor(int descriptor) : descriptor_(descriptor), open_error_(errno) {}
    FileDescriptor(FileDescriptor&& other) noexcept
        : descriptor_(std::exchange(other.descriptor_, -1)), open_error_(other.open_error_) {}
    ~FileDescriptor() {
        if (is_open()) {
            ::close(descriptor_);
        }
    }
    FileDescriptor(const FileDescriptor&) = delete;
    FileDescriptor& operator=(const FileDescriptor&) = delete;
    FileDescriptor& operator=(FileDescriptor&&) = delete;

    [[nodiscard]] int get() const { return descriptor_; }
    [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }
    /// The errno of opening, where it is not open.
    [[nodiscard]] int open_error() const { return open_error_; }

    /// Up to `size` bytes from where the last read ended; 0 at the end, -1 with errno set.
    [[nodiscard]] ssize_t read(void* into, std::size_t size) const {
        ssize_t count = 0;
        do {
            count = ::read(descriptor_, into, size);
        } while (count < 0 && errno == EINTR);
        return count;
    }
    /// The same from `offset`.
    [[nodiscard]] ssize_t read_at(void* into, std::size_t size, off_t offset) const {
        return ::pread(descriptor_, into, size, offset);
    }

private:
    int descriptor_;
    int open_error_;
};

/// False, with errno set, where not all of it could be written.
[[nodiscard]] inline bool write_all(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
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

}  // namespace hexcore
