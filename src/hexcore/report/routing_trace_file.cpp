#include "hexcore/report/routing_trace_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "hexcore/base/file_start.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {
namespace {

/// Whether nothing is lost but a trace: the model, a plan or a conversation would be, too, if one
/// of them was named by mistake.
bool may_be_replaced(const std::filesystem::path& path, const FileDescriptor& file) {
    constexpr std::string_view begin = R"({"schema":"hexcore.routing/)";
    struct stat facts {};
    if (::fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_size == 0) {
        return true;
    }
    return begins_with(path, begin);
}

}  // namespace

RoutingTraceFile::RoutingTraceFile(std::filesystem::path path, FileDescriptor file, Origin origin)
    : path_(std::move(path)), file_(std::move(file)), unlink_(origin == Origin::made) {}

RoutingTraceFile::RoutingTraceFile(RoutingTraceFile&& other) noexcept
    : path_(std::move(other.path_)),
      file_(std::move(other.file_)),
      first_line_(std::move(other.first_line_)),
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
        (void)::flock(made.get(), LOCK_EX | LOCK_NB);
        return RoutingTraceFile(path, std::move(made), Origin::made);
    }
    // With O_CREAT for a link to nothing yet. A pipe that nobody reads would be waited for.
    FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_NONBLOCK | O_CLOEXEC, mode));
    if (!file.is_open()) {
        return fail(ErrorCode::usage, "cannot write the routing trace {}: {}", path.string(),
                    file.open_error() == ENXIO ? "it is a pipe that nobody reads"
                                               : std::strerror(file.open_error()));
    }
    (void)::fcntl(file.get(), F_SETFL, O_WRONLY);
    if (!may_be_replaced(path, file)) {
        return fail(ErrorCode::usage,
                    "{} is there and is no routing trace; name another file, or remove it first",
                    path.string());
    }
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        return fail(ErrorCode::usage, "cannot write the routing trace {}: another run does",
                    path.string());
    }
    return RoutingTraceFile(path, std::move(file), Origin::was_there);
}

void RoutingTraceFile::replace() {
    if (first_line_.empty()) {
        return;
    }
    unlink_ = false;
    // What is no file, as a pipe is, has nothing to cut off.
    (void)!::ftruncate(file_.get(), 0);
    append(std::exchange(first_line_, {}));
}

void RoutingTraceFile::computed(const std::vector<RoutedToken>& tokens) {
    replace();
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
    if (unlink_) {
        replace();
    }
    if (failed_ == 0) {
        return {};
    }
    return fail(ErrorCode::negative,
                "cannot write the routing trace {}: {}; it has the first {} of {}", path_.string(),
                std::strerror(failed_), written_tokens_, plural(tokens_, "token"));
}

}  // namespace hexcore
