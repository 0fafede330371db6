#include "hexcore/report/report_file.hpp"

#include <fcntl.h>

#include <cerrno>
#include <filesystem>
#include <span>
#include <system_error>
#include <utility>

#include "hexcore/base/write_place.hpp"
#include "hexcore/recording/replaceable.hpp"

namespace hexcore {
namespace {

Result<FileDescriptor> open_stream(const std::string& path) {
    std::error_code error;
    // What somebody has open may have had more written to it already.
    const int append = std::filesystem::is_regular_file(path, error) ? O_APPEND : 0;
    // A pipe that nobody reads would be waited for.
    FileDescriptor stream(
        ::open(path.c_str(), O_WRONLY | append | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (stream.is_open()) {
        (void)::fcntl(stream.get(), F_SETFL, O_WRONLY | append);
        return stream;
    }
    if (stream.open_error() == ENXIO && std::filesystem::is_fifo(path, error)) {
        return fail(ErrorCode::negative, "cannot write {}: it is a pipe that nobody reads", path);
    }
    errno = stream.open_error();
    return cannot_write(path);
}

}  // namespace

Result<ReportFile> ReportFile::begin(const std::string& path) {
    HEXCORE_TRY(place, ReportPlace::open(path));
    return place.begin();
}

ReportFile::ReportFile(std::string path, std::optional<PrivateFile> file, FileDescriptor stream)
    : path_(std::move(path)), file_(std::move(file)), stream_(std::move(stream)) {}

void ReportFile::write() {
    if (written_ && file_) {
        written_ = file_->write(std::as_bytes(std::span(buffer_)));
    } else if (written_ && !write_all(stream_.get(), buffer_)) {
        written_ = cannot_write(path_);
    }
    buffer_.clear();
}

Result<void> ReportFile::finish() {
    write();
    HEXCORE_TRY_VOID(std::move(written_));
    return file_ ? file_->finish() : Result<void>();
}

ReportPlace::ReportPlace(std::string path, FileDescriptor stream)
    : path_(std::move(path)), stream_(std::move(stream)) {}

Result<ReportPlace> ReportPlace::open(const std::string& path) {
    HEXCORE_TRY_VOID(replaceable_by_report(path));
    HEXCORE_TRY(place, write_place(path));
    if (place.kind != WritePlace::Kind::stream) {
        return ReportPlace(path, FileDescriptor(-1));
    }
    HEXCORE_TRY(stream, open_stream(path));
    return ReportPlace(path, std::move(stream));
}

Result<ReportFile> ReportPlace::begin() {
    if (stream_.is_open()) {
        return ReportFile(path_, std::nullopt, std::move(stream_));
    }
    HEXCORE_TRY_VOID(replaceable_by_report(path_));
    HEXCORE_TRY(file, PrivateFile::begin(path_, Durability::machine, Readers::as_before));
    return ReportFile(path_, std::move(file), FileDescriptor(-1));
}

}  // namespace hexcore
