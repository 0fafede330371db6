#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "hexcore/recording/told_records.hpp"

namespace hexcore {

/// Which records are of one series: each device's rows, each holder's amounts.
[[nodiscard]] inline std::uint64_t series_of(const RecordedRow& row) { return row.device; }
[[nodiscard]] inline std::uint64_t series_of(const RecordedAmounts& amounts) {
    return amounts.holder->number;
}

/// Rows are sampled again and again; amounts are told when they change, and hold until the next.
template <typename Record>
inline constexpr bool holds_until_next = false;
template <>
inline constexpr bool holds_until_next<RecordedAmounts> = true;

/// Lets through of each bucket of time and each series the record with the largest total, whole, in
/// the order of time, and of those that hold until the next also the last. Without buckets every
/// record. The maximum of each process instead would give a total that never was.
template <typename Record>
class ThinningOf {
public:
    using Keep = std::function<void(const Record&)>;
    explicit ThinningOf(Keep keep) : keep_(std::move(keep)) {}

    /// 0: every record from now on.
    void set_bucket(std::chrono::microseconds width) {
        flush();
        width_ = width;
    }
    [[nodiscard]] std::chrono::microseconds bucket() const { return width_; }

    void add(const Record& record) {
        if (width_.count() == 0) {
            keep_(record);
            return;
        }
        Waiting& waiting = waiting_[series_of(record)];
        const std::int64_t bucket = record.time / width_;
        const Bytes total = record.total();
        if (waiting.is_there && waiting.bucket != bucket) {
            let_go(waiting);
        }
        if (!waiting.is_there || total > waiting.total) {
            waiting.is_there = true;
            waiting.bucket = bucket;
            waiting.total = total;
            waiting.record = record;
            waiting.last.reset();
        } else if (holds_until_next<Record>) {
            waiting.last = record;
        }
    }

    /// Lets go of those that wait for the end of their bucket.
    void flush() {
        for (auto& [series, waiting] : waiting_) {
            if (waiting.is_there) {
                let_go(waiting);
            }
        }
    }

private:
    struct Waiting {
        bool is_there = false;
        std::int64_t bucket = 0;
        Bytes total;
        Record record;
        std::optional<Record> last;  ///< where it came after that
    };

    void let_go(Waiting& waiting) {
        waiting.is_there = false;
        keep_(waiting.record);
        if (waiting.last) {
            keep_(*std::exchange(waiting.last, std::nullopt));
        }
    }

    Keep keep_;
    std::chrono::microseconds width_{};
    std::map<std::uint64_t, Waiting> waiting_;
};

using Thinning = ThinningOf<RecordedRow>;
using AmountsThinning = ThinningOf<RecordedAmounts>;

}  // namespace hexcore
