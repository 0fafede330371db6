#include "hexcore/cli/compare_recordings.hpp"

#include <nlohmann/json.hpp>

#include "hexcore/cli/terminal.hpp"
#include "hexcore/recording/recording_reader.hpp"
#include "hexcore/report/json_text.hpp"
#include "hexcore/report/recording_comparison.hpp"
#include "hexcore/report/report_file.hpp"

namespace hexcore {
namespace {

Result<RecordingPeaks> peaks_of(const std::string& recording, Symbols& symbols) {
    PeakFinder finder;
    HEXCORE_TRY(read, read_recording_file(recording, finder));
    if (read.unreadable_bytes > 0) {
        complain(fmt::format("{} at the end of {} could not be read: it was cut off, or is damaged",
                             plural(read.unreadable_bytes, "byte"), recording));
    }
    return finder.peaks(symbols);
}

Result<RecordingComparison> compared(const CompareFlags& flags) {
    RecordingComparison comparison{.before = printable(flags.before),
                                   .now = printable(flags.now),
                                   .changes = {},
                                   .most_growth = {}};
    if (!flags.fail_on.empty()) {
        HEXCORE_TRY(size, parse_bytes(flags.fail_on));
        comparison.most_growth = size;
    }
    if (!flags.output.empty() && !flags.output.ends_with(".json")) {
        return fail(ErrorCode::usage,
                    "two recordings are compared as text or in a file that ends in .json, and {} "
                    "does not",
                    flags.output);
    }
    Symbols symbols;
    HEXCORE_TRY(before, peaks_of(flags.before, symbols));
    HEXCORE_TRY(now, peaks_of(flags.now, symbols));
    comparison.changes = compare_peaks(before, now);
    comparison.missing = symbols.missing();
    return comparison;
}

Result<void> tell(const RecordingComparison& comparison, const std::string& output) {
    if (output.empty()) {
        print(comparison_table(comparison, stdout_style()));
        return {};
    }
    HEXCORE_TRY(file, ReportFile::begin(output));
    file.add(json_text(comparison_json(comparison)));
    return file.finish();
}

}  // namespace

int compare_recordings(const CompareFlags& flags) {
    const auto comparison = compared(flags);
    if (!comparison) {
        return report_error(comparison.error());
    }
    if (const auto told = tell(*comparison, flags.output); !told) {
        return report_error(told.error());
    }
    return comparison->beyond().empty() ? 0 : static_cast<int>(ErrorCode::negative);
}

}  // namespace hexcore
