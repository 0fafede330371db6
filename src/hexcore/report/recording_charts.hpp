#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hexcore/recording/thinning.hpp"
#include "hexcore/watch/findings.hpp"

namespace hexcore {

/// What one part of a chart had at each of the chart's times, in units of its device.
struct ChartSeries {
    std::string name;
    std::vector<std::uint64_t> units;
};

struct PeakPart {
    std::string name;
    std::string series;  ///< which of the chart's it is in
    Bytes bytes;
};

/// What was in use of a device over time, stacked by process: each of a few series, the largest
/// first, and last the rest. Where there are more processes than series, those of one command, or
/// at least of one program, are a series together.
struct DeviceChart {
    RecordedDevice device;
    std::vector<RecordedTime> times;
    std::vector<ChartSeries> by_process;
    std::size_t peak_row = 0;          ///< of `times`, where there are any
    Bytes peak;                        ///< of the sum over all processes at that time
    std::vector<PeakPart> peak_parts;  ///< what it was made of, the largest first
};

/// What is in use beside the series that have names.
inline constexpr std::string_view all_others = "all others";

/// Draws charts out of a recording's rows: of each device a bounded number, those with the largest
/// totals of as many equal parts of the time, so that the peak is among them. Takes memory for no
/// more than 32,000 rows of all devices, with 64 processes each.
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

    /// To be asked once all is told. GPUs first, for whose sake people look.
    [[nodiscard]] std::vector<DeviceChart> finish();

private:
    struct Part {
        std::uint32_t who = 0;  ///< an index of who_
        std::uint64_t units = 0;
    };
    struct Row {
        RecordedTime time{};
        std::uint64_t units = 0;  ///< of all
        std::vector<Part> parts;  ///< the largest of them
    };
    struct Device {
        RecordedDevice device;
        std::vector<Row> rows;
    };
    using Who = std::pair<std::uint32_t, std::string>;  ///< a pid and its command

    void keep(const RecordedRow& row);
    [[nodiscard]] std::uint32_t index_of(const RecordedProcess& process);
    [[nodiscard]] std::vector<std::string> names_for(const Device& device) const;
    [[nodiscard]] static std::map<std::string, std::size_t> add_series(
        DeviceChart& chart, const Device& device, const std::vector<std::string>& names);
    void set_peak(DeviceChart& chart, const Device& device,
                  const std::vector<std::string>& names) const;
    [[nodiscard]] DeviceChart chart_of(const Device& device) const;

    RecordedTime duration_;
    Thinning thinning_;
    std::vector<Device> devices_;
    std::map<Who, std::uint32_t> index_;
    std::vector<Who> who_;
};

}  // namespace hexcore
