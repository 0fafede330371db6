#include "hexcore/report/recording_report.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "hexcore/report/json_text.hpp"
#include "hexcore/report/recording_json.hpp"
#include "hexcore/report/recording_page.hpp"
#include "hexcore/report/recording_svg.hpp"
#include "hexcore/report/recording_tables.hpp"
#include "hexcore/report/report_file.hpp"
#include "hexcore/watch/analysis.hpp"

namespace hexcore {
namespace {

Result<RecordingRead> report_json(const std::filesystem::path& recording,
                                  const std::string& output) {
    HEXCORE_TRY(findings, findings_of(recording));
    HEXCORE_TRY(file, ReportFile::begin(output));
    file.add(json_text(recording_json(findings)));
    HEXCORE_TRY_VOID(file.finish());
    return RecordingRead{findings.unreadable_bytes};
}

Result<RecordingRead> report_csv(const std::filesystem::path& recording,
                                 const std::string& output) {
    HEXCORE_TRY(file, ReportFile::begin(output));
    RecordingCsv table([&file](std::string_view text) { file.add(text); });
    HEXCORE_TRY(read, read_recording_file(recording, table));
    HEXCORE_TRY_VOID(file.finish());
    return read;
}

Result<RecordingRead> report_trace(const std::filesystem::path& recording,
                                   const std::string& output) {
    HEXCORE_TRY(file, ReportFile::begin(output));
    RecordingTrace trace([&file](std::string_view text) { file.add(text); });
    HEXCORE_TRY(read, read_recording_file(recording, trace));
    trace.finish();
    HEXCORE_TRY_VOID(file.finish());
    return read;
}

/// Reads twice: how long it is says how its rows are thinned.
Result<RecordingRead> report_drawn(const std::filesystem::path& recording,
                                   const std::string& output, std::size_t rows_max,
                                   std::string (*draw)(const WatchFindings& findings,
                                                       const RecordingDrawing& drawing)) {
    HEXCORE_TRY(findings, findings_of(recording));
    RecordingCharts charts(findings, rows_max);
    HEXCORE_TRY(read, read_recording_file(recording, charts));
    HEXCORE_TRY(file, ReportFile::begin(output));
    file.add(draw(findings, charts.finish()));
    HEXCORE_TRY_VOID(file.finish());
    return read;
}

Result<RecordingRead> report_page(const std::filesystem::path& recording,
                                  const std::string& output) {
    return report_drawn(recording, output, page_rows_max, recording_page);
}

Result<RecordingRead> report_picture(const std::filesystem::path& recording,
                                     const std::string& output) {
    return report_drawn(recording, output, picture_rows_max, recording_svg);
}

/// By the end of the output's name; the longer ones first.
constexpr std::array<std::pair<std::string_view, WriteRecordingReport>, 5> reports{
    {{".trace.json", report_trace},
     {".json", report_json},
     {".csv", report_csv},
     {".html", report_page},
     {".svg", report_picture}}};

}  // namespace

Result<WatchFindings> findings_of(const std::filesystem::path& recording) {
    Analysis analysis;
    HEXCORE_TRY(read, read_recording_file(recording, analysis));
    WatchFindings findings = analysis.findings();
    findings.unreadable_bytes = read.unreadable_bytes;
    return findings;
}

Result<WriteRecordingReport> recording_report_for(const std::string& output) {
    for (const auto& [suffix, report] : reports) {
        if (output.ends_with(suffix)) {
            return report;
        }
    }
    return fail(ErrorCode::usage,
                "what {} should be is not known: name a file that ends in .html, .svg, .json, .csv "
                "or .trace.json",
                output);
}

}  // namespace hexcore
