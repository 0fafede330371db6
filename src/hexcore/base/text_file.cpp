#include "hexcore/base/text_file.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "hexcore/base/file_descriptor.hpp"

namespace hexcore {
namespace {

tl::unexpected<Error> unreadable(const std::string& name, int error) {
    return fail(ErrorCode::bad_input, "{} cannot be read: {}", name, std::strerror(error));
}

}  // namespace

Result<std::string> read_text(int descriptor, const std::string& name,
                              const std::atomic<bool>* stop) {
    constexpr std::size_t most_bytes = std::size_t{64} << 20U;
    constexpr int look_ms = 100;
    std::string text;
    std::array<char, 65536> piece{};
    for (;;) {
        if (stop != nullptr && stop->load()) {
            return fail(ErrorCode::interrupted, "interrupted while reading {}", name);
        }
        // A blocking read would not do: a signal may reach another thread, and the read go on.
        pollfd input{descriptor, POLLIN, 0};
        if (::poll(&input, 1, look_ms) <= 0) {
            continue;
        }
        const ssize_t count = ::read(descriptor, piece.data(), piece.size());
        if (count == 0) {
            return text;
        }
        if (count < 0) {
            if (errno == EAGAIN || errno == EINTR) {
                continue;
            }
            return unreadable(name, errno);
        }
        text.append(piece.data(), static_cast<std::size_t>(count));
        if (text.size() > most_bytes) {
            return fail(ErrorCode::bad_input,
                        "{} has more than {} bytes, which no prompt and no plan needs", name,
                        most_bytes);
        }
    }
}

Result<std::string> read_text_file(const std::string& path, const std::string& name,
                                   const std::atomic<bool>* stop) {
    // Opening a named pipe would wait for a writer, and nothing would interrupt it.
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    return file.is_open() ? read_text(file.get(), name, stop) : unreadable(name, file.open_error());
}

}  // namespace hexcore
