#include <filesystem>
#include <memory>

#include "hexcore/cli/commands.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/recording/recordings_folder.hpp"
#include "hexcore/report/recording_report.hpp"
#include "hexcore/report/watch_summary.hpp"

namespace hexcore {
namespace {

struct ReportFlags {
    std::string file;
    std::string output;
};

/// Prints it.
Result<RecordingRead> report_text(const std::filesystem::path& recording,
                                  const std::string& /*output*/) {
    HEXCORE_TRY(findings, findings_of(recording));
    const TextStyle style = stdout_style();
    print(watch_summary(findings, style) +
          hanging_paragraph("   ", "Recording: " + printable(recording.string()), style.columns));
    return RecordingRead{};  // the text says what could not be read
}

int run_report(const ReportFlags& flags) {
    const auto reporting = flags.output.empty() ? Result<WriteRecordingReport>(report_text)
                                                : recording_report_for(flags.output);
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
