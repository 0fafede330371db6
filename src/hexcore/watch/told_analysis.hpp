#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hexcore/watch/findings.hpp"

namespace hexcore {

/// Finds out of what programs tell what they were doing, and what they held, at a time. Takes no
/// more memory for a longer time.
class ToldAnalysis {
public:
    void amounts(const RecordedAmounts& amounts);
    void label(const RecordedLabel& label);
    void label_sum(const RecordedLabelSum& sum);
    void mark(const RecordedMark& mark);
    void lost(const RecordedLoss& loss) { lost_ += loss.records; }

    /// The innermost label that is open now: of the process that has most of the row, and of its
    /// threads where one began last.
    [[nodiscard]] std::optional<LabelMoment> label_at(const RecordedRow& row) const;
    /// What is held of the device now, by kind of holder and name, the largest first.
    [[nodiscard]] std::vector<FoundHolding> held_of(const RecordedDevice& device) const;

    /// "decode 311"; without the number where it came but once.
    [[nodiscard]] std::string text_of(const LabelMoment& moment) const;
    /// Adds marks, labels, holders and what was lost.
    void add_to(WatchFindings& findings) const;

private:
    using Thread = std::pair<std::uint64_t, std::uint32_t>;    ///< of a process
    using LabelKey = std::pair<std::uint64_t, std::uint64_t>;  ///< of a process and a text
    struct OpenLabel {
        LabelMoment moment;
        RecordedTime from{};
    };
    struct Holder {
        FoundHolder found;
        std::vector<RecordedAmount> now;
    };

    FoundLabel* find_label(const ProcessRef& process, const TextRef& name, RecordedTime time);

    std::map<Thread, std::vector<OpenLabel>> open_;
    std::map<LabelKey, FoundLabel> labels_;
    std::map<std::uint64_t, Holder> holders_;
    std::vector<FoundMark> marks_;
    std::uint64_t lost_ = 0;
};

}  // namespace hexcore
