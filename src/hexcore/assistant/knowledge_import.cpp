#include "hexcore/assistant/knowledge_import.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

#include "hexcore/base/check.hpp"
#include "hexcore/base/file_descriptor.hpp"

namespace hexcore {
namespace {

Result<bool> is_folder(const std::filesystem::path& source) {
    struct stat facts {};
    if (::stat(source.c_str(), &facts) != 0) {
        return fail(ErrorCode::bad_input, "{} cannot be read: {}", source.string(),
                    std::strerror(errno));
    }
    if (!S_ISDIR(facts.st_mode) && !S_ISREG(facts.st_mode)) {
        return fail(ErrorCode::bad_input, "{} is neither a file nor a folder", source.string());
    }
    return S_ISDIR(facts.st_mode);
}

/// What a file begins with; empty where it cannot be read, which its import says.
std::string start_of(const std::filesystem::path& source) {
    const FileDescriptor file(::open(source.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    std::array<char, 512> start{};
    const ssize_t count = file.is_open() ? file.read(start.data(), start.size()) : 0;
    return {start.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
}

/// What compresses a file by what it begins with; null: nothing that is known.
const char* compressed_by(std::string_view start) {
    constexpr std::array<std::pair<std::string_view, const char*>, 5> beginnings{
        {{"\x1f\x8b", "gzip"},
         {"\xfd"
          "7zXZ",
          "xz"},
         {"BZh", "bzip2"},
         {"PK\x03\x04", "zip"},
         {"\x28\xb5\x2f\xfd", "zstd"}}};
    for (const auto& [begin, name] : beginnings) {
        if (start.starts_with(begin)) {
            return name;
        }
    }
    return nullptr;
}

/// Of a file.
KnowledgeKind kind_of(const std::filesystem::path& source, std::string_view start) {
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (start.starts_with(byte_order_mark)) {
        start.remove_prefix(byte_order_mark.size());
    }
    const std::size_t first = start.find_first_not_of(" \t\r\n");
    if (first != std::string_view::npos && start[first] == '{') {
        return KnowledgeKind::cards;
    }
    return looks_like_rules(source) ? KnowledgeKind::rules : KnowledgeKind::texts;
}

/// FNV-1a, so that every place of texts has a file of its own.
std::string file_name(KnowledgeKind kind, const std::string& origin) {
    if (kind != KnowledgeKind::texts) {
        return fmt::format("{}.sqlite", to_string(kind));
    }
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const char byte : origin) {
        hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3U;
    }
    return fmt::format("texts-{:016x}.sqlite", hash);
}

Result<std::vector<std::string>> import_kind(const KnowledgeImport& what, KnowledgeKind kind,
                                             KnowledgeWriter& into) {
    switch (kind) {
        case KnowledgeKind::cards: {
            HEXCORE_TRY_VOID(import_cards(what, into));
            return std::vector<std::string>();
        }
        case KnowledgeKind::rules:
            return import_rules(what, into);
        case KnowledgeKind::texts:
            return import_texts(what, into);
    }
    HEXCORE_CHECK(false, "unknown kind", static_cast<int>(kind));
}

const char* what_is_missing(KnowledgeKind kind) {
    switch (kind) {
        case KnowledgeKind::cards:
            return "no cards: MTGJSON's AllPrintings, AtomicCards and sets have them below `data`";
        case KnowledgeKind::rules:
            return "no rules: paragraphs that begin with a number, as 100.1a";
        case KnowledgeKind::texts:
            return "no text";
    }
    HEXCORE_CHECK(false, "unknown kind", static_cast<int>(kind));
}

}  // namespace

Result<ImportedKnowledge> import_knowledge(const KnowledgeImport& what,
                                           const std::filesystem::path& folder) {
    HEXCORE_TRY(holds_files, is_folder(what.source));
    const std::string start = holds_files ? "" : start_of(what.source);
    if (const char* name = compressed_by(start)) {
        return fail(ErrorCode::bad_input, "{} is compressed by {}: unpack it first",
                    what.source.string(), name);
    }
    const KnowledgeKind kind = what.kind     ? *what.kind
                               : holds_files ? KnowledgeKind::texts
                                             : kind_of(what.source, start);
    if (holds_files && kind != KnowledgeKind::texts) {
        return fail(ErrorCode::bad_input, "{} is a folder, and {} are in one file",
                    what.source.string(), to_string(kind));
    }
    std::error_code error;
    std::filesystem::path origin = std::filesystem::canonical(what.source, error);
    origin = error ? what.source : origin;
    const std::string name = file_name(kind, origin.string());
    HEXCORE_TRY(writer, KnowledgeWriter::begin(folder, name, kind));
    HEXCORE_TRY(notes, import_kind(what, kind, writer));
    if (writer.is_empty()) {
        return fail(ErrorCode::bad_input, "{} has {}", what.source.string(), what_is_missing(kind));
    }
    HEXCORE_TRY_VOID(writer.finish(origin.string()));
    return ImportedKnowledge{.kind = kind,
                             .file = folder / name,
                             .passages = writer.passages(),
                             .notes = std::move(notes)};
}

std::string replaced_note(std::uint64_t lines) {
    return fmt::format("{} bytes that are no UTF-8, question marks now",
                       lines == 1 ? "1 line has" : fmt::format("{} lines have", lines));
}

Result<std::size_t> forget_knowledge(const std::filesystem::path& folder,
                                     std::optional<KnowledgeKind> kind) {
    std::vector<std::filesystem::path> files;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        if (name.ends_with(".sqlite") && (!kind || name.starts_with(to_string(*kind)))) {
            files.push_back(entry->path());
        }
    }
    for (const std::filesystem::path& file : files) {
        if (!std::filesystem::remove(file, error) && error) {
            return fail(ErrorCode::negative, "cannot remove {}: {}", file.string(),
                        error.message());
        }
    }
    return files.size();
}

}  // namespace hexcore
