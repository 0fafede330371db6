#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "hexcore/judge/verdict.hpp"
#include "hexcore/recording/recording.hpp"

namespace hexcore {

/// Whether something grew after it had warmed up, and by how much a second.
struct Growth {
    Verdict verdict = Verdict::inconclusive;
    double bytes_per_s = 0;
    double bytes_per_s_least = 0;  ///< it grew by that at least, and at most, with 99 % confidence
    double bytes_per_s_most = 0;
    RecordedTime warm_up{};  ///< what is left out at the start
    std::string why;         ///< of an inconclusive one
    std::string label = {};  ///< it goes by the repeats of that; empty: by time
    double bytes_per_repeat = 0;
};

/// A series of samples in a bounded number of means. Judged by Theil and Sen's slope, the median of
/// the slopes between all pairs, with Sen's bounds (P. K. Sen, 1968), which a few wild samples do
/// not move. The bounds take the samples for independent, which memory's are not; so a verdict of
/// growth asks for more: docs/watch.md has the rules.
class GrowthSeries {
public:
    GrowthSeries();
    /// Times rise.
    void add(RecordedTime time, Bytes bytes);
    [[nodiscard]] Growth judge() const;

private:
    struct Mean {
        double sum = 0;
        double count = 0;
    };
    void widen();

    std::chrono::microseconds width_{10'000};
    RecordedTime last_{};
    std::vector<Mean> means_;
};

}  // namespace hexcore
