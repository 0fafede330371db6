#pragma once

#include <filesystem>
#include <string>

#include "hexcore/recording/recording_reader.hpp"
#include "hexcore/watch/findings.hpp"

namespace hexcore {

/// What there is to say of a recording. Fails as read_recording_file() does.
[[nodiscard]] Result<WatchFindings> findings_of(const std::filesystem::path& recording);

/// A report of one kind: reads a recording and writes a file. Fails as read_recording_file() and
/// ReportFile do.
using WriteRecordingReport = Result<RecordingRead> (*)(const std::filesystem::path& recording,
                                                       const std::string& output);
/// By the end of the output's name: .html, .svg, .json, .csv or .trace.json. Fails with
/// ErrorCode::usage for any other.
[[nodiscard]] Result<WriteRecordingReport> recording_report_for(const std::string& output);

}  // namespace hexcore
