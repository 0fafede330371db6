#pragma once

#include <algorithm>
#include <chrono>

#include "hexcore/base/bytes.hpp"
#include "hexcore/recording/recording.hpp"

namespace hexcore {

/// When to look at something that takes the longer the more memory there is. Knows no clock.
///
/// Looks that come by themselves take a two-thousandth of a core at most, those that were asked for
/// a thousandth, and a tenth of a second. Of either kind there are the fewer the longer it goes on,
/// so that a recording has room for them: some 1,700 by themselves on the first day.
class LookSchedule {
public:
    using Time = RecordedTime;

    [[nodiscard]] bool is_due(Time now, Bytes resident, bool asked) const {
        const Time cost = cost_of(resident);
        const Time since = now - last_;
        if (asked && since >= std::max(Time(10'000), now / 5000) &&
            spent_asked_ + cost <= now / 1000 + Time(100'000)) {
            return true;
        }
        return since >= std::max({Time(100'000), now / 200, cost * 2000});
    }
    /// One was begun at that time, and took so much of the processor.
    void looked(Time at, Bytes resident, bool asked, Time cost) {
        last_ = at;
        if (resident > Bytes()) {
            us_per_byte_ = static_cast<double>(cost.count()) / resident.as_double();
        }
        if (asked) {
            spent_asked_ += cost;
        }
    }

private:
    [[nodiscard]] Time cost_of(Bytes resident) const {
        return Time(static_cast<std::int64_t>(us_per_byte_ * resident.as_double()));
    }

    Time last_ = -std::chrono::hours(1);
    Time spent_asked_{};
    double us_per_byte_ = 33e3 / (4_GiB).as_double();  ///< small pages on a machine of 2024
};

}  // namespace hexcore
