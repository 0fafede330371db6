#include "hexcore/session/session_file.hpp"

#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <string_view>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/base/private_file.hpp"
#include "hexcore/session/session_header.hpp"

namespace hexcore {
namespace {

constexpr std::string_view magic = "hexcore.session/1\n";
constexpr std::uint32_t longest_header = 64U << 20;

std::uint64_t checksum(std::span<const std::byte> bytes) {
    return XXH3_64bits(bytes.data(), bytes.size());
}

std::string hexadecimal(std::uint64_t number) { return fmt::format("{:016x}", number); }

/// Reads a session file from its start to its end.
class FileReader {
public:
    explicit FileReader(const std::filesystem::path& path)
        : name_(path.string()), file_(path.c_str()) {}

    [[nodiscard]] bool is_open() const { return file_.is_open(); }
    [[nodiscard]] int open_error() const { return file_.open_error(); }
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
    if (saved.adapters != expected.adapters) {
        return "it was computed under other adapters, or other scales of them";
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

Result<void> check_session_file(const std::filesystem::path& path) {
    std::error_code error;
    if (std::filesystem::exists(path, error)) {
        if (!std::filesystem::is_regular_file(path, error)) {
            return fail(ErrorCode::usage, "{} is no file that a session can be kept in",
                        path.string());
        }
        const FileReader file(path);
        if (!file.is_open()) {
            return fail(ErrorCode::usage, "cannot read {}: {}", path.string(),
                        std::strerror(file.open_error()));
        }
        HEXCORE_TRY_VOID(read_header(file));
    }
    if (auto file = PrivateFile::begin(path); !file) {
        return fail(ErrorCode::usage, "{}", file.error().message);
    }
    return {};
}

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
    HEXCORE_TRY(file, PrivateFile::begin(path, durability));
    HEXCORE_TRY_VOID(file.write(std::as_bytes(std::span(magic))));
    HEXCORE_TRY_VOID(file.write(std::as_bytes(std::span(&size, 1))));
    HEXCORE_TRY_VOID(file.write(std::as_bytes(std::span(&sum, 1))));
    HEXCORE_TRY_VOID(file.write(std::as_bytes(std::span(header))));
    HEXCORE_TRY_VOID(file.write(tokens));
    HEXCORE_TRY_VOID(file.write(content.state.bytes));
    return file.finish();
}

Result<SessionFile> read_session_file(const std::filesystem::path& path,
                                      const StateIdentity& expected, Ledger& books) {
    const FileReader file(path);
    if (!file.is_open()) {
        return file.wrong(std::strerror(file.open_error()));
    }
    HEXCORE_TRY(header, read_header(file));
    StateIdentity same_cache = header.identity;
    same_cache.kv_type = expected.kv_type;
    same_cache.adapters = expected.adapters;
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
