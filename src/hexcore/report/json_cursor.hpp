#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {

/// A value inside a JSON document together with its path, such as `devices[1].planned`, so that
/// every complaint says where it is; the document's own path is empty. All errors are
/// ErrorCode::bad_input. Borrows the document.
class JsonCursor {
public:
    JsonCursor(const nlohmann::ordered_json& value, std::string path)
        : value_(&value), path_(std::move(path)) {}

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] bool has(std::string_view key) const;
    [[nodiscard]] bool is_null() const;
    [[nodiscard]] Result<JsonCursor> member(std::string_view key) const;
    [[nodiscard]] Result<std::vector<JsonCursor>> elements() const;

    [[nodiscard]] Result<std::string> text() const;
    [[nodiscard]] Result<bool> truth() const;
    [[nodiscard]] Result<double> number() const;  ///< finite and not negative
    [[nodiscard]] Result<std::uint32_t> count() const;
    /// At most 2^53 - 1, what a JSON number counts exactly, so that sums cannot overflow.
    [[nodiscard]] Result<Bytes> bytes() const;

    /// An error about this value: its path, what it is, then `problem`.
    [[nodiscard]] tl::unexpected<Error> wrong(std::string_view problem) const;

private:
    [[nodiscard]] std::string_view named() const;

    const nlohmann::ordered_json* value_;
    std::string path_;
};

/// Parses `text`. `what` names the document in errors ("plan"), which give line and column.
[[nodiscard]] Result<nlohmann::ordered_json> parse_json(std::string_view text,
                                                        std::string_view what);

}  // namespace hexcore
