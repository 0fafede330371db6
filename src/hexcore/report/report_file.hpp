#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "hexcore/base/private_file.hpp"

namespace hexcore {

/// Text that goes to where a user wants it, in large pieces. A file has it whole or not at all, and
/// whom it was for before; what is no file (a pipe, a terminal, a device, what somebody has open)
/// gets it as it comes.
class ReportFile {
public:
    /// As ReportPlace::open() and begin().
    [[nodiscard]] static Result<ReportFile> begin(const std::string& path);
    void add(std::string_view text) {
        buffer_ += text;
        if (buffer_.size() >= piece_bytes) {
            write();
        }
    }
    /// Fails with ErrorCode::negative where not all could be written.
    [[nodiscard]] Result<void> finish();

private:
    friend class ReportPlace;
    static constexpr std::size_t piece_bytes = 1U << 16U;

    ReportFile(std::string path, std::optional<PrivateFile> file, FileDescriptor stream);
    void write();

    std::string path_;
    std::optional<PrivateFile> file_;
    FileDescriptor stream_;  ///< where there is no file
    std::string buffer_;
    Result<void> written_;
};

/// Where a report is going to be, looked at before there is one. What is no file is opened then,
/// and stays open: whoever reads from a pipe would take its being closed for the end.
class ReportPlace {
public:
    /// Fails with ErrorCode::usage where a model or a recording would be lost, and with
    /// ErrorCode::negative for what cannot be opened, as a pipe that nobody reads.
    [[nodiscard]] static Result<ReportPlace> open(const std::string& path);
    /// Once. Fails as open(), if what is there is another now, and as PrivateFile does.
    [[nodiscard]] Result<ReportFile> begin();

private:
    ReportPlace(std::string path, FileDescriptor stream);

    std::string path_;
    FileDescriptor stream_;  ///< not open: it is going to be a file
};

}  // namespace hexcore
