#pragma once

#include <bit>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/model/byte_source.hpp"

namespace hexcore {

/// `name` in single quotes for a message, cut at 96 bytes, with everything but printable ASCII
/// escaped: names come from files that may hold anything.
[[nodiscard]] std::string in_quotes(std::string_view name);

/// Reads little-endian numbers and strings one after another through a buffer of fixed size. Every
/// failure is ErrorCode::bad_input and names the part of the file being read.
class ByteCursor {
public:
    /// Metadata beyond this is refused: no model has a hundredth of it, and it bounds the time that
    /// a sparse file of any size can cost.
    static constexpr std::uint64_t position_max = Bytes(1024ULL * 1024 * 1024).count();

    /// `source` must outlive the cursor.
    explicit ByteCursor(const ByteSource& source) : source_(source) {}

    /// Names what is read from here on, for messages: "key 3", "tensor 'output.weight'".
    void enter(std::string part) { part_ = std::move(part); }
    [[nodiscard]] const std::string& part() const { return part_; }

    [[nodiscard]] std::uint64_t position() const { return position_; }
    [[nodiscard]] std::uint64_t remaining() const { return source_.size() - position_; }

    /// The next sizeof(T) bytes as a number.
    template <typename T>
    [[nodiscard]] Result<T> read() {
        static_assert(std::endian::native == std::endian::little, "GGUF is little-endian");
        T value{};
        HEXCORE_TRY_VOID(read_bytes(std::as_writable_bytes(std::span(&value, 1))));
        return value;
    }

    /// A string with its length before it. One of more than `length_max` bytes fails.
    [[nodiscard]] Result<std::string> read_string(std::uint64_t length_max);

    /// The first `kept_max` of the next `length` bytes; the others are passed over.
    [[nodiscard]] Result<std::string> read_text(std::uint64_t length, std::uint64_t kept_max);

    /// Passes over `count` bytes without reading them.
    [[nodiscard]] Result<void> skip(std::uint64_t count);

private:
    [[nodiscard]] Result<void> check_room(std::uint64_t count) const;
    [[nodiscard]] Result<void> read_bytes(std::span<std::byte> target);

    const ByteSource& source_;
    std::string part_ = "the header";
    std::uint64_t position_ = 0;
    std::vector<std::byte> buffer_;  ///< the bytes of the file from buffer_start_ on
    std::uint64_t buffer_start_ = 0;
};

}  // namespace hexcore
