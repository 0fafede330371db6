#include "hexcore/session/saved_state.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/model/inventory.hpp"
#include "hexcore/report/json_cursor.hpp"
#include "llama.h"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view magic = "hexcore.session/1\n";
constexpr std::uint32_t longest_header = 64U << 20;

std::uint64_t checksum(std::span<const std::byte> bytes) {
    return XXH3_64bits(bytes.data(), bytes.size());
}

std::string hexadecimal(std::uint64_t number) { return fmt::format("{:016x}", number); }

Json identity_json(const StateIdentity& identity) {
    return {{"model", identity.model},
            {"architecture", identity.architecture},
            {"file_bytes", identity.file_bytes},
            {"modified_ns", identity.modified_ns},
            {"adapters", identity.adapters},
            {"kv_type", identity.kv_type},
            {"session_tokens", identity.session_tokens}};
}

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

struct Header {
    StateIdentity identity;
    std::string note;
    std::uint32_t n_tokens = 0;
    std::uint32_t cells = 0;
    std::uint64_t state_bytes = 0;
    std::string tokens_checksum;
    std::string state_checksum;
};

Result<std::vector<std::string>> texts(const JsonCursor& list) {
    std::vector<std::string> result;
    HEXCORE_TRY(elements, list.elements());
    for (const JsonCursor& element : elements) {
        HEXCORE_TRY(text, element.text());
        result.push_back(std::move(text));
    }
    return result;
}

Result<std::vector<std::uint64_t>> sizes(const JsonCursor& list) {
    std::vector<std::uint64_t> result;
    HEXCORE_TRY(elements, list.elements());
    for (const JsonCursor& element : elements) {
        HEXCORE_TRY(bytes, element.bytes());
        result.push_back(bytes.count());
    }
    return result;
}

Result<std::string> text_at(const JsonCursor& cursor, std::string_view key) {
    HEXCORE_TRY(member, cursor.member(key));
    return member.text();
}

Result<StateIdentity> identity_from(const JsonCursor& cursor) {
    StateIdentity identity;
    HEXCORE_TRY(model, text_at(cursor, "model"));
    HEXCORE_TRY(architecture, text_at(cursor, "architecture"));
    HEXCORE_TRY(kv_type, text_at(cursor, "kv_type"));
    HEXCORE_TRY(session, cursor.member("session_tokens"));
    HEXCORE_TRY(session_tokens, session.count());
    HEXCORE_TRY(file_bytes, cursor.member("file_bytes"));
    HEXCORE_TRY(sizes_of_files, sizes(file_bytes));
    HEXCORE_TRY(modified, cursor.member("modified_ns"));
    HEXCORE_TRY(times, texts(modified));
    HEXCORE_TRY(adapters, cursor.member("adapters"));
    HEXCORE_TRY(adapter_names, texts(adapters));
    return StateIdentity{std::move(model), std::move(architecture),  std::move(sizes_of_files),
                         std::move(times), std::move(adapter_names), std::move(kv_type),
                         session_tokens};
}

Result<Header> header_from(std::string_view text) {
    HEXCORE_TRY(json, parse_json(text, "header"));
    const JsonCursor cursor(json, "");
    HEXCORE_TRY(identity_cursor, cursor.member("identity"));
    HEXCORE_TRY(identity, identity_from(identity_cursor));
    HEXCORE_TRY(note, text_at(cursor, "note"));
    HEXCORE_TRY(tokens, cursor.member("tokens"));
    HEXCORE_TRY(n_tokens, tokens.count());
    HEXCORE_TRY(cells, cursor.member("cells"));
    HEXCORE_TRY(n_cells, cells.count());
    if (n_cells > n_tokens) {
        return cells.wrong(fmt::format("there are {} tokens", n_tokens));
    }
    HEXCORE_TRY(state, cursor.member("state_bytes"));
    HEXCORE_TRY(state_bytes, state.bytes());
    HEXCORE_TRY(tokens_checksum, text_at(cursor, "tokens_xxh3"));
    HEXCORE_TRY(state_checksum, text_at(cursor, "state_xxh3"));
    return Header{std::move(identity),
                  std::move(note),
                  n_tokens,
                  n_cells,
                  state_bytes.count(),
                  std::move(tokens_checksum),
                  std::move(state_checksum)};
}

/// The header, whose own checksum stands before it.
Result<Header> read_header(const FileReader& file) {
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
    auto header = header_from(text);
    if (!header) {
        return file.wrong(header.error().message);
    }
    return std::move(*header);
}

void read_state(const FileReader& file, const Header& header, SessionFile& result) {
    try {
        result.state.resize(header.state_bytes);
    } catch (const std::bad_alloc&) {
        result.state_problem = "there is no memory for what it holds of the cache";
        return;
    }
    if (!file.read(result.state.data(), result.state.size()) ||
        hexadecimal(checksum(result.state)) != header.state_checksum) {
        result.state.clear();
        result.state_problem = "what it holds of the cache is damaged";
    }
}

}  // namespace

StateIdentity StateIdentity::of(const LoadedModel& model) {
    const Inventory& inventory = model.inventory();
    StateIdentity identity{.model = inventory.name,
                           .architecture = inventory.architecture,
                           .file_bytes = {},
                           .modified_ns = {},
                           .adapters = {},
                           .kv_type = to_string(model.plan().context.kv_type),
                           .session_tokens = llama_n_ctx_seq(&model.context())};
    for (const FileStamp& stamp : inventory.stamps) {
        identity.file_bytes.push_back(stamp.size_bytes);
        identity.modified_ns.push_back(fmt::to_string(stamp.modified_ns));
    }
    return identity;
}

Result<void> write_session_file(const std::filesystem::path& path, const SessionFile& content,
                                Durability durability) {
    const auto tokens = std::as_bytes(std::span(content.tokens));
    const std::string header = Json{{"identity", identity_json(content.identity)},
                                    {"note", content.note},
                                    {"tokens", content.tokens.size()},
                                    {"cells", content.cells},
                                    {"state_bytes", content.state.size()},
                                    {"tokens_xxh3", hexadecimal(checksum(tokens))},
                                    {"state_xxh3", hexadecimal(checksum(content.state))}}
                                   .dump(-1, ' ', false, Json::error_handler_t::replace);
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
        !file.write(content.state) || !file.finish(durability)) {
        return cannot_write(path);
    }
    return {};
}

Result<SessionFile> read_session_file(const std::filesystem::path& path,
                                      const StateIdentity& expected) {
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
    SessionFile result{header.identity, {}, header.note, header.cells};
    if (std::uint64_t{header.n_tokens} * sizeof(Token) > file.size() ||
        header.state_bytes > file.size()) {
        return file.wrong("the saved session is damaged: it is cut off");
    }
    result.tokens.resize(header.n_tokens);
    if (!file.read(result.tokens.data(), result.tokens.size() * sizeof(Token)) ||
        hexadecimal(checksum(std::as_bytes(std::span(result.tokens)))) != header.tokens_checksum) {
        return file.wrong("the saved session is damaged: its tokens are not as they were written");
    }
    if (header.identity.kv_type != expected.kv_type) {
        result.state_problem = fmt::format("it was saved from a cache in {}, and this one is in {}",
                                           header.identity.kv_type, expected.kv_type);
        return result;
    }
    if (header.identity.session_tokens != expected.session_tokens) {
        result.state_problem = fmt::format(
            "it was saved from a context of {} tokens for a session, and this one has {}",
            header.identity.session_tokens, expected.session_tokens);
        return result;
    }
    read_state(file, header, result);
    return result;
}

}  // namespace hexcore
