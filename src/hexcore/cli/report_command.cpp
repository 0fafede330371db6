#include <array>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "hexcore/base/private_file.hpp"
#include "hexcore/cli/commands.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/recording/recording_reader.hpp"
#include "hexcore/recording/recordings_folder.hpp"
#include "hexcore/report/json_text.hpp"
#include "hexcore/report/recording_json.hpp"
#include "hexcore/report/recording_page.hpp"
#include "hexcore/report/recording_svg.hpp"
#include "hexcore/report/recording_tables.hpp"
#include "hexcore/report/watch_summary.hpp"
#include "hexcore/watch/analysis.hpp"

namespace hexcore {
namespace {

struct ReportFlags {
    std::string file;
    std::string output;
};

/// Text that goes to a file in large pieces, whole or not at all.
class ReportFile {
public:
    [[nodiscard]] static Result<ReportFile> begin(const std::string& path) {
        HEXCORE_TRY(file, PrivateFile::begin(path));
        return ReportFile(std::move(file));
    }
    void add(std::string_view text) {
        buffer_ += text;
        if (buffer_.size() >= piece_bytes) {
            write();
        }
    }
    [[nodiscard]] Result<void> finish() {
        write();
        HEXCORE_TRY_VOID(std::move(written_));
        return file_.finish();
    }

private:
    static constexpr std::size_t piece_bytes = 1U << 16U;

    explicit ReportFile(PrivateFile file) : file_(std::move(file)) {}
    void write() {
        if (written_) {
            written_ = file_.write(std::as_bytes(std::span(buffer_)));
        }
        buffer_.clear();
    }

    PrivateFile file_;
    std::string buffer_;
    Result<void> written_;
};

/// A report of one kind: reads the recording, and prints or writes.
using Reporting = Result<RecordingRead> (*)(const std::filesystem::path& recording,
                                            const std::string& output);

Result<WatchFindings> findings_of(const std::filesystem::path& recording) {
    Analysis analysis;
    HEXCORE_TRY(read, read_recording_file(recording, analysis));
    WatchFindings findings = analysis.findings();
    findings.unreadable_bytes = read.unreadable_bytes;
    return findings;
}

Result<RecordingRead> report_text(const std::filesystem::path& recording,
                                  const std::string& /*output*/) {
    HEXCORE_TRY(findings, findings_of(recording));
    const TextStyle style = stdout_style();
    print(watch_summary(findings, style) +
          hanging_paragraph("   ", "Recording: " + printable(recording.string()), style.columns));
    return RecordingRead{};  // the text says what could not be read
}

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
constexpr std::array<std::pair<std::string_view, Reporting>, 5> reportings{
    {{".trace.json", report_trace},
     {".json", report_json},
     {".csv", report_csv},
     {".html", report_page},
     {".svg", report_picture}}};

Result<Reporting> reporting_for(const std::string& output) {
    if (output.empty()) {
        return report_text;
    }
    for (const auto& [suffix, reporting] : reportings) {
        if (output.ends_with(suffix)) {
            return reporting;
        }
    }
    return fail(ErrorCode::usage,
                "what {} should be is not known: name a file that ends in .html, .svg, .json, .csv "
                "or .trace.json",
                output);
}

int run_report(const ReportFlags& flags) {
    const auto reporting = reporting_for(flags.output);
    if (!reporting) {
        return report_error(reporting.error());
    }
    auto recording = flags.file.empty() ? newest_recording(default_recordings_folder())
                                        : Result<std::filesystem::path>(flags.file);
    if (!recording) {
        return report_error(recording.error());
    }
    const auto read = (*reporting)(*recording, flags.output);
    if (!read) {
        return report_error(read.error());
    }
    if (read->unreadable_bytes > 0) {
        complain(fmt::format("{} at the end of {} could not be read: it was cut off, or is damaged",
                             plural(read->unreadable_bytes, "byte"), recording->string()));
    }
    return 0;
}

}  // namespace

void add_report_command(CLI::App& program, Action& action) {
    auto* reporting =
        program.add_subcommand("report", "says what a recording of hexcore watch has");
    reporting->footer(
        "Examples:\n"
        "  hexcore report\n"
        "  hexcore report -o report.html\n"
        "  hexcore report train.hxr -o train.json\n"
        "  hexcore report train.hxr -o train.trace.json");
    auto flags = std::make_shared<ReportFlags>();
    reporting->add_option("recording", flags->file, "what hexcore watch wrote; the newest if none")
        ->option_text("FILE");
    reporting
        ->add_option("-o,--output", flags->output,
                     "writes it to a file instead, by its end: .html (a page that needs no "
                     "network), .svg, .json, .csv (a line a sample) or .trace.json (for Perfetto "
                     "and Chrome)")
        ->option_text("FILE");
    reporting->callback([&action, flags] { action = [flags] { return run_report(*flags); }; });
}

}  // namespace hexcore
