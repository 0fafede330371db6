#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/judge/theil_sen.hpp"

namespace hexcore {

/// Samples of a level while the same work is repeated: the least of those between two ends of
/// repeats, which is nearest to what is left when nothing is under way; past 1024 repeats of those
/// between every second end, and so on.
class RepeatSeries {
public:
    /// After so many ends.
    void add(std::size_t repeats, Bytes level) {
        while (repeats / width_ >= most_) {
            widen();
        }
        std::optional<Bytes>& least = least_[repeats / width_];
        least = least ? std::min(*least, level) : level;
    }
    /// By rising number of repeats.
    [[nodiscard]] std::vector<SeriesPoint> points() const {
        std::vector<SeriesPoint> points;
        for (std::size_t i = 0; i < most_; ++i) {
            if (least_[i]) {
                points.push_back({static_cast<double>(i * width_), least_[i]->as_double()});
            }
        }
        return points;
    }

private:
    static constexpr std::size_t most_ = 1024;
    void widen() {
        width_ *= 2;
        for (std::size_t i = 0; i < most_; ++i) {
            const auto& a = 2 * i < most_ ? least_[2 * i] : std::nullopt;
            const auto& b = 2 * i < most_ ? least_[2 * i + 1] : std::nullopt;
            least_[i] = a && b ? std::min(*a, *b) : a ? a : b;
        }
    }
    std::size_t width_ = 1;
    std::vector<std::optional<Bytes>> least_ = std::vector<std::optional<Bytes>>(most_);
};

}  // namespace hexcore
