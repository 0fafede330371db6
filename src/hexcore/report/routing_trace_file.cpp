#include "hexcore/report/routing_trace_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "hexcore/report/text_style.hpp"

namespace hexcore {

RoutingTraceFile::RoutingTraceFile(std::filesystem::path path, FileDescriptor file, Origin origin)
    : path_(std::move(path)), file_(std::move(file)), unlink_(origin == Origin::made) {}

RoutingTraceFile::RoutingTraceFile(RoutingTraceFile&& other) noexcept
    : path_(std::move(other.path_)),
      file_(std::move(other.file_)),
      unlink_(std::exchange(other.unlink_, false)),
      whole_bytes_(other.whole_bytes_),
      written_tokens_(other.written_tokens_),
      tokens_(other.tokens_),
      failed_(other.failed_) {}

RoutingTraceFile::~RoutingTraceFile() {
    if (unlink_) {
        ::unlink(path_.c_str());
    }
}

Result<RoutingTraceFile> RoutingTraceFile::open(const std::filesystem::path& path) {
    constexpr mode_t mode = 0666;  // less what the user's umask takes
    FileDescriptor made(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (made.is_open()) {
        return RoutingTraceFile(path, std::move(made), Origin::made);
    }
    // With O_CREAT for a link to nothing yet.
    FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, mode));
    if (!file.is_open()) {
        return fail(ErrorCode::usage, "cannot write the routing trace {}: {}", path.string(),
                    std::strerror(file.open_error()));
    }
    return RoutingTraceFile(path, std::move(file), Origin::was_there);
}

void RoutingTraceFile::begin(const RoutingTraceHeader& header) {
    unlink_ = false;
    // What is no file, as a pipe is, has nothing to cut off.
    (void)!::ftruncate(file_.get(), 0);
    append(routing_header_line(header));
}

void RoutingTraceFile::computed(const std::vector<RoutedToken>& tokens) {
    tokens_ += tokens.size();
    std::string lines;
    for (const RoutedToken& token : tokens) {
        lines += routed_token_line(token);
    }
    append(lines);
    if (failed_ == 0) {
        written_tokens_ = tokens_;
    }
}

void RoutingTraceFile::append(const std::string& lines) {
    if (failed_ != 0) {
        return;
    }
    if (!write_all(file_.get(), lines)) {
        failed_ = errno;
        (void)!::ftruncate(file_.get(), whole_bytes_);
        return;
    }
    whole_bytes_ += static_cast<std::int64_t>(lines.size());
}

Result<void> RoutingTraceFile::finish() {
    if (failed_ == 0) {
        return {};
    }
    return fail(ErrorCode::negative,
                "cannot write the routing trace {}: {}; it has the first {} of {}", path_.string(),
                std::strerror(failed_), written_tokens_, plural(tokens_, "token"));
}

}  // namespace hexcore
