#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hexcore {

/// The numbers and texts of records, as docs/formats/recording.md has them.
class RecordWriter {
public:
    void number(std::uint64_t value);
    void signed_number(std::int64_t value);
    void text(std::string_view value);  ///< its first 64 KiB

    [[nodiscard]] const std::string& bytes() const { return bytes_; }
    void clear() { bytes_.clear(); }
    void reserve(std::size_t size) { bytes_.reserve(size); }

private:
    std::string bytes_;
};

/// Reads them back from bytes that anybody may have made. Once something was not there, all is.
class RecordCursor {
public:
    explicit RecordCursor(std::string_view bytes) : rest_(bytes) {}

    /// At most `most`.
    [[nodiscard]] std::uint64_t number(std::uint64_t most);
    [[nodiscard]] std::int64_t signed_number();
    [[nodiscard]] std::string_view text();
    [[nodiscard]] std::string_view bytes(std::size_t size);

    [[nodiscard]] bool good() const { return good_; }
    [[nodiscard]] bool at_end() const { return rest_.empty(); }

private:
    [[nodiscard]] std::uint64_t any_number();

    std::string_view rest_;
    bool good_ = true;
};

}  // namespace hexcore
