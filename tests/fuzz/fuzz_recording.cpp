// A libFuzzer target: a recording from memory. What begins with `R` is the records of one chunk,
// which checksums would keep most changes away from; anything else a whole file. Besides not
// crashing, what is told must keep the promises of the format, and be something to analyse.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "hexcore/base/check.hpp"
#include "hexcore/recording/record_decoder.hpp"
#include "hexcore/recording/told_sums.hpp"
#include "hexcore/report/recording_charts.hpp"
#include "hexcore/report/recording_peaks.hpp"
#include "hexcore/watch/analysis.hpp"
#include "support/recordings.hpp"

namespace hexcore {
namespace {

class CheckedAnalysis : public Analysis {
public:
    void row(const RecordedRow& row) override {
        HEXCORE_CHECK(row.device < recorded_devices_max, row.device, recorded_devices_max);
        HEXCORE_CHECK(row.parts.size() <= recorded_processes_max, row.parts.size(),
                      recorded_processes_max);
        HEXCORE_CHECK(row.time.count() >= 0, row.time.count(), 0);
        HEXCORE_CHECK(row.others <= recorded_bytes_max, row.others.count(), row.device);
        std::uint64_t before = 0;
        for (const RecordedPart& part : row.parts) {
            HEXCORE_CHECK(part.process->number > before, part.process->number, before);
            HEXCORE_CHECK(part.bytes <= recorded_bytes_max, part.bytes.count(), row.device);
            before = part.process->number;
        }
        Analysis::row(row);
    }
    void amounts(const RecordedAmounts& amounts) override {
        check_holder(amounts.holder);
        HEXCORE_CHECK(amounts.amounts.size() <= recorded_amounts_max, amounts.amounts.size(),
                      recorded_amounts_max);
        for (const RecordedAmount& amount : amounts.amounts) {
            HEXCORE_CHECK(amount.name != nullptr, amounts.time.count(), "has no name");
        }
        Analysis::amounts(amounts);
    }
    void event(const RecordedEvent& event) override {
        check_told(event.time);
        check_holder(event.site.holder);
        HEXCORE_CHECK(event.bytes <= recorded_bytes_max, event.bytes.count(), event.id);
        sums_.event(event);
        Analysis::event(event);
    }
    void label(const RecordedLabel& label) override {
        check_told(label.time);
        HEXCORE_CHECK(label.name != nullptr && label.process != nullptr, label.time.count(), "");
        counts_.label(label);
        Analysis::label(label);
    }
    void mark(const RecordedMark& mark) override {
        check_told(mark.time);
        HEXCORE_CHECK(mark.name != nullptr && mark.process != nullptr, mark.time.count(), "");
        Analysis::mark(mark);
    }
    void counted_once(const RecordedCountedOnce& counted) override {
        HEXCORE_CHECK(counted.once <= recorded_bytes_max, counted.once.count(), "counted once");
        Analysis::counted_once(counted);
    }

private:
    void check_told(RecordedTime time) {
        HEXCORE_CHECK(time >= latest_told_, time.count(), latest_told_.count());
        latest_told_ = time;
    }
    static void check_holder(const HolderRef& holder) {
        HEXCORE_CHECK(holder != nullptr && holder->process != nullptr, "a holder", "of a process");
        HEXCORE_CHECK(holder->number > 0 && holder->number <= recorded_holders_max, holder->number,
                      recorded_holders_max);
    }

    RecordedTime latest_told_{};
    SiteSums sums_;
    LabelSums counts_;
};

/// Tells a sink what the bytes have; false where they are refused as no recording.
bool tell(std::string_view bytes, RecordSink& sink) {
    if (bytes.starts_with('R')) {
        RecordDecoder decoder(sink);
        (void)decoder.chunk(bytes.substr(1));
        return true;
    }
    test::BytesSource source(bytes);
    const auto read = read_recording(source, "fuzz.hxr", sink);
    HEXCORE_CHECK(read || read.error().code == ErrorCode::bad_input, read.error().message,
                  bytes.size());
    return read.has_value();
}

/// What is drawn keeps its bounds, and adds up.
void check_drawing(std::string_view bytes, const WatchFindings& findings) {
    constexpr std::size_t rows_max = 100;
    RecordingCharts charts(findings, rows_max);
    (void)tell(bytes, charts);
    const RecordingDrawing drawing = charts.finish();
    for (const DeviceChart& chart : drawing.charts) {
        HEXCORE_CHECK(chart.times.empty() || chart.peak_row < chart.times.size(), chart.peak_row,
                      chart.times.size());
        HEXCORE_CHECK(chart.times.size() <= rows_max + 1, chart.times.size(), rows_max);
        for (const ChartView& view : chart.views) {
            HEXCORE_CHECK(view.series.size() <= chart_series_max + 1, view.series.size(),
                          chart_series_max);
            for (const ChartSeries& series : view.series) {
                HEXCORE_CHECK(series.units.size() == chart.times.size(), series.units.size(),
                              chart.times.size());
            }
        }
    }
    PeakFinder finder;
    (void)tell(bytes, finder);
}

}  // namespace
}  // namespace hexcore

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace hexcore;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    CheckedAnalysis analysis;
    (void)tell(bytes, analysis);
    const WatchFindings findings = analysis.findings();
    HEXCORE_CHECK(findings.processes.size() <= 64, findings.processes.size(), 64);
    check_drawing(bytes, findings);
    return 0;
}
