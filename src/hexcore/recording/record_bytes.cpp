#include "hexcore/recording/record_bytes.hpp"

namespace hexcore {
namespace {

constexpr std::size_t longest_text = 65536;

}  // namespace

void RecordWriter::number(std::uint64_t value) {
    while (value >= 0x80) {
        bytes_ += static_cast<char>((value & 0x7FU) | 0x80U);
        value >>= 7U;
    }
    bytes_ += static_cast<char>(value);
}

void RecordWriter::signed_number(std::int64_t value) {
    const auto bits = static_cast<std::uint64_t>(value);
    number((bits << 1U) ^ (value < 0 ? ~0ULL : 0ULL));
}

void RecordWriter::text(std::string_view value) {
    value = value.substr(0, longest_text);
    number(value.size());
    bytes_ += value;
}

std::uint64_t RecordCursor::any_number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
        const auto byte = static_cast<unsigned char>(rest_.front());
        rest_.remove_prefix(1);
        if (shift == 63 && byte > 1) {
            break;  // more than 64 bits
        }
        value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    good_ = false;
    rest_ = {};
    return 0;
}

std::uint64_t RecordCursor::number(std::uint64_t most) {
    const std::uint64_t value = any_number();
    good_ = good_ && value <= most;
    return good_ ? value : 0;
}

std::int64_t RecordCursor::signed_number() {
    const std::uint64_t bits = any_number();
    return static_cast<std::int64_t>((bits >> 1U) ^ ((bits & 1U) != 0 ? ~0ULL : 0ULL));
}

std::string_view RecordCursor::text() { return bytes(number(longest_text)); }

std::string_view RecordCursor::bytes(std::size_t size) {
    if (!good_ || size > rest_.size()) {
        good_ = false;
        rest_ = {};
        return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
}

}  // namespace hexcore
