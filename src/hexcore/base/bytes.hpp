#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "hexcore/base/check.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {

/// A number of bytes. Arithmetic is checked: a sum that overflows or a difference below zero is a
/// bug and stops the program with both values printed.
class Bytes {
public:
    constexpr Bytes() = default;
    constexpr explicit Bytes(std::uint64_t count) : count_(count) {}

    /// The plain number, for interfaces that take one and for JSON.
    [[nodiscard]] constexpr std::uint64_t count() const { return count_; }
    [[nodiscard]] constexpr double as_double() const { return static_cast<double>(count_); }

    constexpr Bytes& operator+=(Bytes other) {
        std::uint64_t sum = 0;
        HEXCORE_CHECK(!__builtin_add_overflow(count_, other.count_, &sum), count_, other.count_);
        count_ = sum;
        return *this;
    }
    constexpr Bytes& operator-=(Bytes other) {
        HEXCORE_CHECK(other.count_ <= count_, count_, other.count_);
        count_ -= other.count_;
        return *this;
    }
    constexpr Bytes& operator*=(std::uint64_t factor) {
        std::uint64_t product = 0;
        HEXCORE_CHECK(!__builtin_mul_overflow(count_, factor, &product), count_, factor);
        count_ = product;
        return *this;
    }

    friend constexpr Bytes operator+(Bytes a, Bytes b) { return a += b; }
    friend constexpr Bytes operator-(Bytes a, Bytes b) { return a -= b; }
    friend constexpr Bytes operator*(Bytes a, std::uint64_t factor) { return a *= factor; }
    friend constexpr Bytes operator*(std::uint64_t factor, Bytes a) { return a *= factor; }

    // Member form: a by-value friend compiles under nvcc but fails to link.
    constexpr std::strong_ordering operator<=>(const Bytes&) const = default;
    constexpr bool operator==(const Bytes&) const = default;

private:
    std::uint64_t count_ = 0;
};

/// a - b, or zero where b is larger.
[[nodiscard]] constexpr Bytes saturating_subtract(Bytes a, Bytes b) {
    return a > b ? a - b : Bytes{};
}

/// The smallest multiple of `alignment` (> 0) that is at least `size`.
[[nodiscard]] constexpr Bytes round_up(Bytes size, Bytes alignment) {
    HEXCORE_CHECK(alignment.count() > 0, size.count(), alignment.count());
    const std::uint64_t rest = size.count() % alignment.count();
    return rest == 0 ? size : size + Bytes(alignment.count() - rest);
}

inline namespace literals {
constexpr Bytes operator""_B(unsigned long long count) { return Bytes(count); }
constexpr Bytes operator""_KiB(unsigned long long count) { return Bytes(1024) * count; }
constexpr Bytes operator""_MiB(unsigned long long count) { return Bytes(1024 * 1024) * count; }
constexpr Bytes operator""_GiB(unsigned long long count) {
    return Bytes(1024ULL * 1024 * 1024) * count;
}
}  // namespace literals

/// Reads `16GiB`, `16GB`, `512MiB`, `1.5GiB`, `64k` or plain bytes. Fails with ErrorCode::usage for
/// anything else: a sign, an unknown unit, or a size that 64 bits cannot hold.
[[nodiscard]] Result<Bytes> parse_bytes(std::string_view text);

/// For people: `0 B`, `640 KiB`, `94.5 MiB`, `13.20 GiB`. Binary units only.
[[nodiscard]] std::string to_string(Bytes size);

}  // namespace hexcore
