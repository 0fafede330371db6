#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {

class Budget;

/// A piece of a Budget that is held as long as this object lives. Move-only; returns itself.
class [[nodiscard]] Reservation {
public:
    Reservation() = default;
    Reservation(Reservation&& other) noexcept;
    Reservation& operator=(Reservation&& other) noexcept;
    Reservation(const Reservation&) = delete;
    Reservation& operator=(const Reservation&) = delete;
    ~Reservation() { release(); }

    /// Gives the bytes back now. A second call does nothing.
    void release() noexcept;
    [[nodiscard]] Bytes size() const { return size_; }

private:
    friend class Budget;
    Reservation(Budget* budget, Bytes size) : budget_(budget), size_(size) {}

    Budget* budget_ = nullptr;
    Bytes size_;
};

/// The memory that may be taken on one device. Safe to use from several threads: the sum of all
/// live reservations never exceeds the limit, not even for an instant. Must outlive its
/// reservations.
class Budget {
public:
    Budget(std::string device_name, Bytes limit);
    Budget(const Budget&) = delete;
    Budget& operator=(const Budget&) = delete;
    ~Budget();  ///< checks that every reservation came back

    /// Takes `size` bytes, or fails with ErrorCode::does_not_fit naming device, size and what is
    /// free.
    [[nodiscard]] Result<Reservation> reserve(Bytes size);

    [[nodiscard]] const std::string& device_name() const { return device_name_; }
    [[nodiscard]] Bytes limit() const { return limit_; }
    [[nodiscard]] Bytes used() const { return Bytes(used_.load(std::memory_order_acquire)); }
    [[nodiscard]] Bytes free() const { return limit_ - used(); }
    [[nodiscard]] Bytes peak() const { return Bytes(peak_.load(std::memory_order_acquire)); }
    [[nodiscard]] std::uint64_t refused() const { return refused_.load(); }
    /// The peak is what is used now, and nothing was refused. Not while others take something.
    void reset_statistics() noexcept;

private:
    friend class Reservation;
    void give_back(Bytes size) noexcept;

    const std::string device_name_;
    const Bytes limit_;
    std::atomic<std::uint64_t> used_{0};
    std::atomic<std::uint64_t> peak_{0};
    std::atomic<std::uint64_t> refused_{0};
};

}  // namespace hexcore
