#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "hexcore/recording/thinning.hpp"
#include "hexcore/report/device_chart.hpp"
#include "hexcore/report/recording_holdings.hpp"
#include "hexcore/report/recording_labels.hpp"
#include "hexcore/report/recording_sites.hpp"
#include "hexcore/watch/findings.hpp"

namespace hexcore {

/// What a recording has to be drawn.
struct RecordingDrawing {
    std::vector<DeviceChart> charts;  ///< of what was used; GPUs first, for whose sake people look
    LabelTimes labels;
    std::vector<TakenSite> sites;  ///< those of which most is left first
    StacksByNumber stacks;
};

/// Draws charts out of a recording's rows: of each device a bounded number, those with the largest
/// totals of as many equal parts of the time, so that the peak is among them. They are stacked by
/// process; where there are more processes than series, those of one command, or at least of one
/// program, are a series together. Where programs told what they hold, by purpose, too. Takes
/// memory for no more than 32,000 rows of all devices, with 64 processes each.
class RecordingCharts : public RecordSink {
public:
    /// `findings` are those of the same recording, which is read once more. What it has got since
    /// is left out.
    RecordingCharts(const WatchFindings& findings, std::size_t rows_max);

    void run(const RecordedRun& run) override;
    void device(const RecordedDevice& device) override;
    void row(const RecordedRow& row) override;
    void thinned(RecordedTime from, std::chrono::microseconds bucket) override;
    void end(const RecordedEnd& end) override;

    void amounts(const RecordedAmounts& amounts) override;
    void event(const RecordedEvent& event) override;
    void site(const RecordedSiteSum& sum) override;
    void label(const RecordedLabel& label) override;
    void label_sum(const RecordedLabelSum& sum) override;
    void mark(const RecordedMark& mark) override;

    /// To be asked once all is told.
    [[nodiscard]] RecordingDrawing finish();

private:
    struct Part {
        std::uint32_t who = 0;  ///< an index of who_
        std::uint64_t units = 0;
    };
    struct Row {
        RecordedTime time{};
        std::uint64_t units = 0;      ///< of all
        std::uint64_t unwatched = 0;  ///< of them, by what is not watched
        std::vector<Part> parts;      ///< the largest of them
    };
    struct Device {
        RecordedDevice device;
        std::vector<Row> rows;
        bool tells_processes = false;  ///< in any row that is kept

        /// Whether other programs can be told apart on it.
        [[nodiscard]] bool is_shared() const {
            return device.kind == RecordedKind::gpu && tells_processes;
        }
    };
    using Who = std::pair<std::uint32_t, std::string>;  ///< a pid and its command

    void keep(const RecordedRow& row);
    [[nodiscard]] std::uint32_t index_of(const RecordedProcess& process);
    [[nodiscard]] std::vector<std::string> names_for(const Device& device) const;
    [[nodiscard]] static std::map<std::string, std::size_t> add_series(
        ChartView& view, const Device& device, const std::vector<std::string>& names);
    void set_peak(DeviceChart& chart, const Device& device,
                  const std::vector<std::string>& names) const;
    [[nodiscard]] DeviceChart chart_of(const Device& device) const;

    RecordedTime duration_;
    Thinning thinning_;
    RecordingHoldings holdings_;
    RecordingLabels labels_;
    RecordingSites sites_;
    std::vector<Device> devices_;
    std::map<Who, std::uint32_t> index_;
    std::vector<Who> who_;
};

}  // namespace hexcore
