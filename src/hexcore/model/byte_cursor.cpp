#include "hexcore/model/byte_cursor.hpp"

#include <algorithm>

namespace hexcore {

namespace {
constexpr std::uint64_t buffer_size = 64ULL * 1024;
constexpr std::size_t quoted_max = 96;
}  // namespace

std::string in_quotes(std::string_view name) {
    std::string text = "'";
    for (const char c : name.substr(0, quoted_max)) {
        if (c >= ' ' && c <= '~') {
            text += c;
        } else {
            text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        }
    }
    return text + (name.size() > quoted_max ? "...'" : "'");
}

Result<void> ByteCursor::check_room(std::uint64_t count) const {
    if (count > remaining()) {
        return fail(ErrorCode::bad_input,
                    "{} needs {} bytes from byte {} on, but the file ends at byte {}: it is cut "
                    "off or damaged",
                    part_, count, position_, source_.size());
    }
    if (count > position_max - position_) {
        return fail(ErrorCode::bad_input, "{} lies beyond {} of metadata, more than any model has",
                    part_, to_string(Bytes(position_max)));
    }
    return {};
}

Result<void> ByteCursor::skip(std::uint64_t count) {
    HEXCORE_TRY_VOID(check_room(count));
    position_ += count;
    return {};
}

Result<void> ByteCursor::read_bytes(std::span<std::byte> target) {
    HEXCORE_TRY_VOID(check_room(target.size()));
    while (!target.empty()) {
        if (position_ < buffer_start_ || position_ - buffer_start_ >= buffer_.size()) {
            buffer_.resize(std::min(buffer_size, remaining()));
            buffer_start_ = position_;
            if (auto filled = source_.read_at(position_, buffer_); !filled) {
                buffer_.clear();
                return filled;
            }
        }
        const std::size_t start = position_ - buffer_start_;
        const std::size_t count = std::min(target.size(), buffer_.size() - start);
        std::memcpy(target.data(), buffer_.data() + start, count);
        target = target.subspan(count);
        position_ += count;
    }
    return {};
}

Result<std::string> ByteCursor::read_string(std::uint64_t length_max) {
    HEXCORE_TRY(length, read<std::uint64_t>());
    if (length > length_max) {
        return fail(ErrorCode::bad_input, "{} has a string of {} bytes where at most {} can be",
                    part_, length, length_max);
    }
    return read_text(length, length);
}

Result<std::string> ByteCursor::read_text(std::uint64_t length, std::uint64_t kept_max) {
    HEXCORE_TRY_VOID(check_room(length));
    std::string text(std::min(length, kept_max), '\0');
    HEXCORE_TRY_VOID(read_bytes(std::as_writable_bytes(std::span(text))));
    HEXCORE_TRY_VOID(skip(length - text.size()));
    return text;
}

}  // namespace hexcore
