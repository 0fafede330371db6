#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "hexcore/recording/told_records.hpp"
#include "hexcore/report/label_peaks.hpp"

namespace hexcore {

/// A label from its begin to its end.
struct LabelBand {
    std::uint32_t lane = 0;   ///< one a thread, in the order in which they came
    std::uint32_t depth = 0;  ///< of labels around it
    std::uint32_t name = 0;   ///< an index of LabelTimes::names
    RecordedTime from{};
    std::chrono::microseconds length{};
};

struct LabelTotal {
    std::string name;
    std::uint64_t count = 0;
    std::chrono::microseconds took{};
    LabelMost most = {};
};

struct MarkedTime {
    RecordedTime time{};
    std::string name;
};

struct LabelTimes {
    std::vector<std::string> names;
    std::vector<LabelBand> bands;  ///< by their begin
    std::vector<MarkedTime> marks;
    std::vector<LabelTotal> totals;  ///< those that took longest first
};

/// When programs were doing what, as they told by labels and marks. Of bands the longest are kept,
/// of names the first: it takes no more memory for more of them.
class RecordingLabels {
public:
    /// So long is the recording.
    explicit RecordingLabels(RecordedTime duration) : peaks_(duration) {}

    void row(const RecordedRow& row) { peaks_.row(row); }
    void label(const RecordedLabel& label);
    void label_sum(const RecordedLabelSum& sum);
    void mark(const RecordedMark& mark);
    /// What is still open ends at `end`.
    [[nodiscard]] LabelTimes finish(RecordedTime end);

private:
    struct Open {
        std::uint32_t name = 0;
        RecordedTime from{};
    };
    struct Lane {
        std::uint32_t number = 0;
        std::vector<Open> open;
    };
    using Thread = std::pair<std::uint64_t, std::uint32_t>;  ///< a process and one of its threads

    [[nodiscard]] std::uint32_t name_of(const TextRef& text);
    [[nodiscard]] std::uint64_t& count_of(const ProcessRef& process, const TextRef& text);
    void close(Lane& lane, RecordedTime end);
    void keep_longest(std::size_t most);

    LabelTimes times_;
    std::vector<LabelTotal> totals_;  ///< by name
    std::map<std::string, std::uint32_t> names_;
    /// How often each has begun, by process and text: sums are told of these.
    std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> counts_;
    std::map<Thread, Lane> lanes_;
    LabelPeaks peaks_;
};

}  // namespace hexcore
