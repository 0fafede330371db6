#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace hexcore {

/// Of what a command writes, however much it is: its start and its end.
class KeptOutput {
public:
    static constexpr std::size_t usual = std::size_t{512} * 1024;
    using Listener = std::function<void(std::string_view)>;
    /// `listener`, if there is one, is told all of it.
    explicit KeptOutput(std::size_t kept_each = usual, Listener listener = {})
        : kept_each_(kept_each), listener_(std::move(listener)) {}

    void take(std::string_view text);
    [[nodiscard]] const std::string& head() const { return head_; }
    /// What came after the head, or the last of it.
    [[nodiscard]] std::string tail() const;
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

private:
    std::size_t kept_each_;
    Listener listener_;
    std::string head_;
    std::string ring_;      ///< the last bytes after the head, in a circle once it is full
    std::size_t next_ = 0;  ///< where in the circle the next goes
    std::uint64_t bytes_ = 0;
};

}  // namespace hexcore
