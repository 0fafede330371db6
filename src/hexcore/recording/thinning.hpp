#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <optional>

#include "hexcore/recording/recording.hpp"

namespace hexcore {

/// Lets through of each bucket of time and each device the row with the largest total, whole, in
/// the order of time. Without buckets every row. The maximum of each process instead would give a
/// total that never was.
class Thinning {
public:
    using Keep = std::function<void(const RecordedRow&)>;
    explicit Thinning(Keep keep) : keep_(std::move(keep)) {}

    /// 0: every row from now on.
    void set_bucket(std::chrono::microseconds width);
    [[nodiscard]] std::chrono::microseconds bucket() const { return width_; }
    void row(const RecordedRow& row);
    /// Lets go of those that wait for the end of their bucket.
    void flush();

private:
    struct Waiting {
        bool is_there = false;
        std::int64_t bucket = 0;
        Bytes total;
        RecordedRow row;
    };

    Keep keep_;
    std::chrono::microseconds width_{};
    std::array<Waiting, recorded_devices_max> waiting_;
};

}  // namespace hexcore
