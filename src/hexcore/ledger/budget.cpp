#include "hexcore/ledger/budget.hpp"

#include <utility>

namespace hexcore {

Reservation::Reservation(Reservation&& other) noexcept
    : budget_(std::exchange(other.budget_, nullptr)), size_(std::exchange(other.size_, Bytes{})) {}

Reservation& Reservation::operator=(Reservation&& other) noexcept {
    if (this != &other) {
        release();
        budget_ = std::exchange(other.budget_, nullptr);
        size_ = std::exchange(other.size_, Bytes{});
    }
    return *this;
}

void Reservation::release() noexcept {
    if (budget_ != nullptr) {
        std::exchange(budget_, nullptr)->give_back(std::exchange(size_, Bytes{}));
    }
}

Budget::Budget(std::string device_name, Bytes limit)
    : device_name_(std::move(device_name)), limit_(limit) {}

Budget::~Budget() { HEXCORE_CHECK(used_.load() == 0, device_name_, used_.load()); }

Result<Reservation> Budget::reserve(Bytes size) {
    const std::uint64_t wanted = size.count();
    std::uint64_t used = used_.load(std::memory_order_relaxed);
    // Adding first and taking back on overshoot would be one instruction, but for that instant
    // used() would exceed the limit and a second thread could be refused for bytes nobody holds.
    do {
        const std::uint64_t available = limit_.count() - used;
        if (wanted > available) {
            refused_.fetch_add(1);
            auto failed = fail(ErrorCode::does_not_fit,
                               {{Change::raise_budget, device_name_},
                                {Change::lower_context},
                                {Change::add_device}},
                               "{} was asked for {} ({} bytes) and has {} ({} bytes) free of its "
                               "{} budget: {} bytes too few",
                               device_name_, to_string(size), wanted, to_string(Bytes(available)),
                               available, to_string(limit_), wanted - available);
            failed.value().refused = RefusedMemory{device_name_, wanted, available};
            return failed;
        }
    } while (!used_.compare_exchange_weak(used, used + wanted, std::memory_order_acq_rel,
                                          std::memory_order_relaxed));

    const std::uint64_t reached = used + wanted;
    std::uint64_t peak = peak_.load(std::memory_order_relaxed);
    while (peak < reached && !peak_.compare_exchange_weak(peak, reached, std::memory_order_acq_rel,
                                                          std::memory_order_relaxed)) {
    }
    return Reservation(this, size);
}

void Budget::reset_statistics() noexcept {
    peak_.store(used_.load());
    refused_.store(0);
}

void Budget::give_back(Bytes size) noexcept {
    const std::uint64_t before = used_.fetch_sub(size.count(), std::memory_order_acq_rel);
    HEXCORE_CHECK(before >= size.count(), before, size.count());
}

}  // namespace hexcore
