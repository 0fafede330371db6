#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "hexcore/cli/commands.hpp"
#include "hexcore/cli/compare_recordings.hpp"
#include "hexcore/cli/neutral_labels.hpp"
#include "hexcore/cli/option_value.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/recording/recordings_folder.hpp"
#include "hexcore/report/recording_report.hpp"
#include "hexcore/report/watch_summary.hpp"

namespace hexcore {
namespace {

struct ReportFlags {
    std::vector<std::string> files;
    std::string output;
    std::string fail_on;
    std::vector<std::string> neutral;  ///< labels
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
    if (flags.files.size() == 2) {
        return compare_recordings({.before = flags.files[0],
                                   .now = flags.files[1],
                                   .output = flags.output,
                                   .fail_on = flags.fail_on});
    }
    if (flags.files.size() > 2) {
        return report_error({ErrorCode::usage, fmt::format("two recordings can be compared, not {}",
                                                           flags.files.size())});
    }
    if (!flags.fail_on.empty()) {
        return report_error({ErrorCode::usage,
                             "growth is that of one recording over another: name two, the earlier "
                             "one first"});
    }
    const auto reporting = flags.output.empty() ? Result<WriteRecordingReport>(report_text)
                                                : recording_report_for(flags.output);
    if (!reporting) {
        return report_error(reporting.error());
    }
    auto recording = flags.files.empty() ? newest_recording(default_recordings_folder())
                                         : Result<std::filesystem::path>(flags.files[0]);
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
    return flags.neutral.empty() ? 0 : judge_neutral(*recording, flags.neutral);
}

}  // namespace

void add_report_command(CLI::App& program, Action& action) {
    auto* reporting = program.add_subcommand(
        "report", "says what a recording of hexcore watch has, or how two differ");
    reporting->footer(
        "Examples:\n"
        "  hexcore report\n"
        "  hexcore report -o report.html\n"
        "  hexcore report train.hxr -o train.json\n"
        "  hexcore report train.hxr --neutral step\n"
        "  hexcore report train.hxr -o train.trace.json\n"
        "  hexcore report yesterday.hxr today.hxr --fail-on 50MiB");
    auto flags = std::make_shared<ReportFlags>();
    reporting
        ->add_option("recordings", flags->files,
                     "what hexcore watch wrote; the newest if none, and of two what the second has "
                     "more than the first")
        ->option_text("FILE");
    reporting
        ->add_option("-o,--output", flags->output,
                     "writes it to a file instead, by its end: .html (a page that needs no "
                     "network), .svg, .json, .csv (a line a sample) or .trace.json (for Perfetto "
                     "and Chrome); of two recordings .json")
        ->option_text("FILE");
    reporting
        ->add_option("--fail-on", flags->fail_on,
                     "of two recordings: exit code 1 if a device's peak grew by more than that")
        ->option_text("SIZE")
        ->check(byte_size());
    reporting
        ->add_option("--neutral", flags->neutral,
                     "a label whose repeats ought to leave no memory behind: exit code 1 if they "
                     "do (repeatable)")
        ->option_text("LABEL")
        ->allow_extra_args(false);
    reporting->callback([&action, flags] { action = [flags] { return run_report(*flags); }; });
}

}  // namespace hexcore
