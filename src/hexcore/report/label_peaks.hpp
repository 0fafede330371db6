#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "hexcore/recording/recording.hpp"

namespace hexcore {

/// The largest total that each device was seen with while each label was open, by the device's
/// number; nothing of those that had no sample meanwhile.
using LabelMost = std::map<std::uint32_t, Bytes>;

/// Finds them. Rows and labels of one time may come one after the other in a recording, so they are
/// put together at the end: of each device at most 2^17 rows, those with the largest totals of as
/// many equal parts of the time, and the first 2^20 begins and ends of labels.
class LabelPeaks {
public:
    explicit LabelPeaks(RecordedTime duration);

    /// Times of a device's rows never fall.
    void row(const RecordedRow& row);
    /// Times of begins and ends, taken together, never fall.
    void begin(RecordedTime time, std::uint32_t name);
    void end(RecordedTime time, std::uint32_t name);

    /// By name, for names below `n_names`.
    [[nodiscard]] std::vector<LabelMost> most(std::size_t n_names) const;

private:
    struct Total {
        RecordedTime time{};
        Bytes bytes;
    };
    struct Edge {
        RecordedTime time{};
        std::uint32_t name = 0;
        bool begins = false;
    };

    void add(const Edge& edge);
    void add_most(std::uint32_t device, const std::vector<Total>& totals,
                  std::vector<LabelMost>& most) const;

    std::chrono::microseconds bucket_;
    std::map<std::uint32_t, std::vector<Total>> totals_;  ///< by device
    std::vector<Edge> edges_;
};

}  // namespace hexcore
