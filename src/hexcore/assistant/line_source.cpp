#include "hexcore/assistant/line_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstring>
#include <utility>

#include "hexcore/base/printable.hpp"
#include "hexcore/base/utf8.hpp"

namespace hexcore {
namespace {

constexpr int at_end = -1;
constexpr int unreadable_byte = -2;

}  // namespace

LineSource::LineSource(FileDescriptor file, std::filesystem::path path)
    : file_(std::move(file)), path_(std::move(path)) {}

Result<LineSource> LineSource::open(const std::filesystem::path& file) {
    // A named pipe would wait for a writer.
    FileDescriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!opened.is_open()) {
        return fail(ErrorCode::bad_input, "{} cannot be read: {}", file.string(),
                    std::strerror(opened.open_error()));
    }
    struct stat facts {};
    if (::fstat(opened.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) {
        return fail(ErrorCode::bad_input, "{} is no file", file.string());
    }
    return LineSource(std::move(opened), file);
}

int LineSource::byte() {
    if (at_ == size_) {
        const ssize_t count = file_.read(buffer_.data(), buffer_.size());
        if (count <= 0) {
            return count == 0 ? at_end : unreadable_byte;
        }
        at_ = 0;
        size_ = static_cast<std::size_t>(count);
    }
    return static_cast<unsigned char>(buffer_[at_++]);
}

Result<std::optional<std::string>> LineSource::next() {
    std::string line;
    int read = byte();
    if (after_return_ && read == '\n') {
        read = byte();
    }
    after_return_ = false;
    if (read == at_end) {
        return std::optional<std::string>();
    }
    // Cut between characters: up to three bytes more belong to the last one.
    while (read >= 0 && read != '\n' && read != '\r') {
        if (line.size() >= line_bytes_max && !is_continuation(static_cast<char>(read))) {
            at_ -= 1;
            break;
        }
        is_binary_ = is_binary_ || read == 0;
        line += static_cast<char>(read);
        if (line.size() >= line_bytes_max + 4) {
            break;
        }
        read = byte();
    }
    if (read == unreadable_byte) {
        return fail(ErrorCode::bad_input, "{} cannot be read: {}", path_.string(),
                    std::strerror(errno));
    }
    after_return_ = read == '\r';
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (std::exchange(is_first_, false) && line.starts_with(byte_order_mark)) {
        line.erase(0, byte_order_mark.size());
    }
    for (char& character : line) {
        character = character == '\t' ? ' ' : character;
    }
    std::string clean = printable(line);
    if (clean != line) {
        replaced_ += 1;
    }
    return std::optional(std::move(clean));
}

}  // namespace hexcore
