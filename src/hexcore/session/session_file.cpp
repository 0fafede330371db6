#include "hexcore/session/session_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <string_view>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/session/session_header.hpp"

namespace hexcore {
namespace {

constexpr std::string_view magic = "hexcore.session/1\n";
constexpr std::uint32_t longest_header = 64U << 20;

std::uint64_t checksum(std::span<const std::byte> bytes) {
    return XXH3_64bits(bytes.data(), bytes.size());
}

std::string hexadecimal(std::uint64_t number) { return fmt::format("{:016x}", number); }

tl::unexpected<Error> cannot_write(const std::filesystem::path& path) {
    return fail(ErrorCode::negative, "cannot write {}: {}", path.string(), std::strerror(errno));
}

bool write_all(int file, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(file, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return false;
        }
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return true;
}

/// The file beside `path` that is going to be it; removed unless it became it.
class NewFile {
public:
    explicit NewFile(std::filesystem::path path)
        : path_(std::move(path)), partial_(path_.string() + ".XXXXXX") {
        file_ = ::mkostemp(partial_.data(), O_CLOEXEC);  // mode 0600
    }
    ~NewFile() {
        if (file_ >= 0) {
            ::close(file_);
            ::unlink(partial_.c_str());
        }
    }
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;

    [[nodiscard]] bool write(std::span<const std::byte> bytes) const {
        return file_ >= 0 && write_all(file_, bytes);
    }
    [[nodiscard]] bool finish(Durability durability) {
        if ((durability == Durability::machine && ::fsync(file_) != 0) ||
            ::rename(partial_.c_str(), path_.c_str()) != 0) {
            return false;
        }
        ::close(file_);
        file_ = -1;
        return true;
    }

private:
    std::filesystem::path path_;
    std::string partial_;
    int file_;
};

/// Reads a session file from its start to its end.
class FileReader {
public:
    explicit FileReader(const std::filesystem::path& path)
        : name_(path.string()), file_(path.c_str()) {}

    [[nodiscard]] bool is_open() const { return file_.is_open(); }
    [[nodiscard]] std::uint64_t size() const {
        struct stat facts {};
        return ::fstat(file_.get(), &facts) == 0 && S_ISREG(facts.st_mode)
                   ? static_cast<std::uint64_t>(facts.st_size)
                   : 0;
    }
    /// False where the file ends before.
    [[nodiscard]] bool read(void* into, std::size_t size) const {
        auto* bytes = static_cast<char*>(into);
        while (size > 0) {
            const ssize_t count = file_.read(bytes, size);
            if (count <= 0) {
                return false;
            }
            bytes += count;
            size -= static_cast<std::size_t>(count);
        }
        return true;
    }
    [[nodiscard]] tl::unexpected<Error> wrong(std::string_view problem) const {
        return fail(ErrorCode::bad_input, "{}: {}", name_, problem);
    }

private:
    std::string name_;
    FileDescriptor file_;
};

/// The header, whose own checksum stands before it.
Result<SessionHeader> read_header(const FileReader& file) {
    std::array<char, magic.size()> begin{};
    if (!file.read(begin.data(), begin.size()) ||
        std::string_view(begin.data(), begin.size()) != magic) {
        return file.wrong("this is no saved session of this version of hexcore");
    }
    std::uint32_t size = 0;
    std::uint64_t sum = 0;
    if (!file.read(&size, sizeof(size)) || !file.read(&sum, sizeof(sum)) || size > longest_header ||
        size > file.size()) {
        return file.wrong("the saved session is damaged: its header is cut off");
    }
    std::string text(size, '\0');
    if (!file.read(text.data(), size) || checksum(std::as_bytes(std::span(text))) != sum) {
        return file.wrong("the saved session is damaged: its header is not as it was written");
    }
    auto header = SessionHeader::from(text);
    if (!header) {
        return file.wrong(header.error().message);
    }
    return std::move(*header);
}

/// Why a state of one form of cache is none for another; empty: it is.
std::string other_cache(const StateIdentity& saved, const StateIdentity& expected) {
    if (saved.kv_type != expected.kv_type) {
        return fmt::format("it was saved from a cache in {}, and this one is in {}", saved.kv_type,
                           expected.kv_type);
    }
    if (saved.session_tokens != expected.session_tokens) {
        return fmt::format(
            "it was saved from a context of {} tokens for a session, and this one has {}",
            saved.session_tokens, expected.session_tokens);
    }
    return {};
}

void read_state(const FileReader& file, const SessionHeader& header, Ledger& books,
                SessionFile& result) {
    if (const auto there = result.state.allocate(header.state_bytes, books); !there) {
        result.state_problem = there.error().message;
        return;
    }
    if (!file.read(result.state.bytes.data(), result.state.bytes.size()) ||
        hexadecimal(checksum(result.state.bytes)) != header.state_checksum) {
        result.state = {};
        result.state_problem = "what it holds of the cache is damaged";
        return;
    }
    result.state.adapters = header.identity.adapters;
    result.state.tokens.assign(result.tokens.begin(), result.tokens.begin() + header.cells);
}

}  // namespace

Result<void> write_session_file(const std::filesystem::path& path, const SessionFile& content,
                                Durability durability) {
    const auto tokens = std::as_bytes(std::span(content.tokens));
    const SessionHeader facts{.identity = content.identity,
                              .note = content.note,
                              .n_tokens = static_cast<std::uint32_t>(content.tokens.size()),
                              .cells = static_cast<std::uint32_t>(content.state.tokens.size()),
                              .state_bytes = content.state.bytes.size(),
                              .tokens_checksum = hexadecimal(checksum(tokens)),
                              .state_checksum = hexadecimal(checksum(content.state.bytes)),
                              .pieces = content.pieces};
    const std::string header = facts.text();
    if (header.size() > longest_header) {
        return fail(ErrorCode::usage, "cannot write {}: the conversation is too long",
                    path.string());
    }
    const auto size = static_cast<std::uint32_t>(header.size());
    const std::uint64_t sum = checksum(std::as_bytes(std::span(header)));
    NewFile file(path);
    if (!file.write(std::as_bytes(std::span(magic))) ||
        !file.write(std::as_bytes(std::span(&size, 1))) ||
        !file.write(std::as_bytes(std::span(&sum, 1))) ||
        !file.write(std::as_bytes(std::span(header))) || !file.write(tokens) ||
        !file.write(content.state.bytes) || !file.finish(durability)) {
        return cannot_write(path);
    }
    return {};
}

Result<SessionFile> read_session_file(const std::filesystem::path& path,
                                      const StateIdentity& expected, Ledger& books) {
    const FileReader file(path);
    if (!file.is_open()) {
        return file.wrong(std::strerror(errno));
    }
    HEXCORE_TRY(header, read_header(file));
    StateIdentity same_cache = header.identity;
    same_cache.kv_type = expected.kv_type;
    same_cache.session_tokens = expected.session_tokens;
    if (same_cache != expected) {
        return file.wrong(fmt::format("the saved session is of another model ({}, {}) than {}",
                                      header.identity.model, header.identity.architecture,
                                      expected.model));
    }
    SessionFile result{.identity = header.identity, .note = header.note, .pieces = header.pieces};
    if (std::uint64_t{header.n_tokens} * sizeof(Token) > file.size() ||
        header.state_bytes > file.size()) {
        return file.wrong("the saved session is damaged: it is cut off");
    }
    result.tokens.resize(header.n_tokens);
    if (!file.read(result.tokens.data(), result.tokens.size() * sizeof(Token)) ||
        hexadecimal(checksum(std::as_bytes(std::span(result.tokens)))) != header.tokens_checksum) {
        return file.wrong("the saved session is damaged: its tokens are not as they were written");
    }
    result.state_problem = other_cache(header.identity, expected);
    if (result.state_problem.empty()) {
        read_state(file, header, books, result);
    }
    return result;
}

}  // namespace hexcore
