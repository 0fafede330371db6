#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace hexcore {

/// An index that cannot be mixed up with another kind of index. `Tag` only makes the types differ.
template <typename Tag>
class Index {
public:
    constexpr Index() = default;
    constexpr explicit Index(std::uint32_t value) : value_(value) {}
    constexpr explicit Index(std::size_t value) : value_(static_cast<std::uint32_t>(value)) {}
    constexpr explicit Index(int value) : value_(static_cast<std::uint32_t>(value)) {}

    [[nodiscard]] constexpr std::uint32_t value() const { return value_; }
    constexpr Index& operator++() {
        ++value_;
        return *this;
    }
    constexpr std::strong_ordering operator<=>(const Index&) const = default;
    constexpr bool operator==(const Index&) const = default;

private:
    std::uint32_t value_ = 0;
};

/// Position of a device in the plan's list of devices, from 0.
using DeviceId = Index<struct DeviceIdTag>;
/// Position of an expert in its layer, from 0.
using ExpertId = Index<struct ExpertIdTag>;
/// Position of a repeating layer in the model, from 0.
using LayerIndex = Index<struct LayerIndexTag>;

/// A number of tokens.
class TokenCount {
public:
    constexpr TokenCount() = default;
    constexpr explicit TokenCount(std::uint32_t value) : value_(value) {}
    [[nodiscard]] constexpr std::uint32_t value() const { return value_; }
    constexpr std::strong_ordering operator<=>(const TokenCount&) const = default;
    constexpr bool operator==(const TokenCount&) const = default;

private:
    std::uint32_t value_ = 0;
};

}  // namespace hexcore
