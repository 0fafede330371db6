#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "hexcore/watch/findings.hpp"
#include "hexcore/watch/repeat_analysis.hpp"
#include "hexcore/watch/told_analysis.hpp"

namespace hexcore {

/// Finds out of rows, as they come or out of a recording, what there is to say of them. Takes no
/// more memory for a longer time.
class Analysis : public RecordSink {
public:
    /// Those labels are judged by their repeats whatever else repeats.
    explicit Analysis(std::set<std::string> asked_labels = {})
        : repeats_(std::move(asked_labels)) {}

    void run(const RecordedRun& run) override;
    void device(const RecordedDevice& device) override;
    void row(const RecordedRow& row) override;
    void thinned(RecordedTime from, std::chrono::microseconds bucket) override;
    void end(const RecordedEnd& end) override;
    void amounts(const RecordedAmounts& amounts) override;
    void event(const RecordedEvent& event) override { repeats_.event(event); }
    void label(const RecordedLabel& label) override;
    void label_sum(const RecordedLabelSum& sum) override { told_.label_sum(sum); }
    void mark(const RecordedMark& mark) override { told_.mark(mark); }
    void lost(const RecordedLoss& loss) override;
    void counted_once(const RecordedCountedOnce& counted) override;
    void summed(RecordedTime from, SummedPart part) override { repeats_.summed(from, part); }

    [[nodiscard]] WatchFindings findings() const;

private:
    struct Device {
        DeviceFindings findings;
        std::optional<LabelMoment> peak_label;
        GrowthSeries series;
        bool tells_processes = false;  ///< a GPU, whose driver tells what each process has
    };
    void follow_processes(const RecordedRow& row);
    void forget(ProcessFindings process);

    WatchFindings found_;  ///< without devices and processes
    ToldAnalysis told_;
    std::vector<Device> devices_;
    RepeatAnalysis repeats_;
    std::vector<ProcessFindings> living_;  ///< in the host's last row, by number
    std::vector<ProcessFindings> still_;   ///< those of them that are in the next one
    std::vector<ProcessFindings> ended_;
};

}  // namespace hexcore
