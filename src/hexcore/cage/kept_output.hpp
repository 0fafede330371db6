#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hexcore {

/// Of what a command writes, however much it is: its start and its end.
class KeptOutput {
public:
    explicit KeptOutput(std::size_t kept_each = 512 * 1024) : kept_each_(kept_each) {}

    void take(std::string_view text);
    [[nodiscard]] const std::string& head() const { return head_; }
    /// What came after the head, or the last of it.
    [[nodiscard]] std::string tail() const;
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

private:
    std::size_t kept_each_;
    std::string head_;
    std::string ring_;      ///< the last bytes after the head, in a circle once it is full
    std::size_t next_ = 0;  ///< where in the circle the next goes
    std::uint64_t bytes_ = 0;
};

}  // namespace hexcore
