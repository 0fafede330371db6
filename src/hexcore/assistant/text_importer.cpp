#include <algorithm>
#include <string_view>
#include <system_error>
#include <utility>

#include "hexcore/assistant/knowledge_import.hpp"
#include "hexcore/assistant/line_source.hpp"
#include "hexcore/base/printable.hpp"
#include "hexcore/base/utf8.hpp"

namespace hexcore {
namespace {

namespace fs = std::filesystem;

// About 250 tokens: two of them fit into the smallest budget that is of use.
constexpr std::size_t piece_bytes = 1000;
constexpr std::size_t files_max = 100'000;

bool is_text_name(const fs::path& file) {
    std::string end = file.extension().string();
    std::transform(end.begin(), end.end(), end.begin(), [](char letter) {
        return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
    });
    return end == ".txt" || end == ".md" || end == ".markdown";
}

/// The files of a folder, in the order of their names, so that an import of the same is the same.
Result<std::vector<fs::path>> text_files(const fs::path& folder) {
    std::vector<fs::path> files;
    std::error_code error;
    // Links are not followed: they may lead back.
    for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
        std::error_code unknown;
        const bool is_hidden = entry->path().filename().string().starts_with('.');
        if (is_hidden && entry->is_directory(unknown)) {
            entry.disable_recursion_pending();
        } else if (!is_hidden && entry->is_regular_file(unknown) && is_text_name(entry->path())) {
            files.push_back(entry->path());
        }
        if (files.size() > files_max) {
            return fail(ErrorCode::bad_input, "{} has more than {} texts", folder.string(),
                        files_max);
        }
    }
    if (error) {
        return fail(ErrorCode::bad_input, "{} cannot be read: {}", folder.string(),
                    error.message());
    }
    std::sort(files.begin(), files.end());
    return files;
}

/// Makes pieces of lines: paragraphs together as far as they fit, new ones at headings.
class TextPieces {
public:
    TextPieces(KnowledgeWriter& into, std::string file) : into_(into), file_(std::move(file)) {}

    Result<void> take(const std::string& line) {
        if (line.starts_with('#')) {
            const std::size_t level = line.find_first_not_of('#');
            if (level != std::string::npos && line[level] == ' ') {
                HEXCORE_TRY_VOID(end_piece());
                const std::size_t text = std::min(line.find_first_not_of(" #"), line.size());
                set_heading(level, std::string_view(line).substr(text));
                return {};
            }
        }
        std::string_view rest = line;
        while (!rest.empty()) {
            const std::size_t room =
                piece_bytes - std::min(piece_bytes, body_.size() + (body_.empty() ? 0 : 1));
            if (rest.size() <= room) {
                body_.append(body_.empty() ? "" : " ").append(rest);
                break;
            }
            if (!body_.empty()) {
                HEXCORE_TRY_VOID(end_piece());
                continue;
            }
            const std::size_t cut = cut_of(rest);
            body_ = rest.substr(0, cut);
            rest.remove_prefix(cut);
            HEXCORE_TRY_VOID(end_piece());
        }
        return {};
    }

    Result<void> end_piece() {
        const std::size_t first = body_.find_first_not_of(' ');
        if (first != std::string::npos) {
            count_ += 1;
            const std::string id = fmt::format("{}#{}", file_, count_);
            HEXCORE_TRY(row, into_.add({.id = id, .title = title(), .body = body_.substr(first)}));
            (void)row;
        }
        body_.clear();
        return {};
    }

private:
    /// After a sentence or else a word that still fits.
    static std::size_t cut_of(std::string_view text) {
        std::size_t cut = text.rfind(". ", piece_bytes - 2);
        cut = cut == std::string_view::npos ? text.rfind(' ', piece_bytes - 1) : cut + 1;
        if (cut == std::string_view::npos || cut == 0) {
            cut = piece_bytes;
            while (is_continuation(text[cut])) {
                --cut;
            }
        }
        return cut;
    }

    void set_heading(std::size_t level, std::string_view text) {
        headings_.resize(std::min<std::size_t>(level, 6));
        constexpr std::size_t longest = 80;
        headings_.back() = shortened(text, longest);
    }

    [[nodiscard]] std::string title() const {
        std::string title;
        for (const std::string& heading : headings_) {
            title.append(title.empty() || heading.empty() ? "" : ", ").append(heading);
        }
        return title.empty() ? file_ : title;
    }

    KnowledgeWriter& into_;
    std::string file_;
    std::vector<std::string> headings_;
    std::string body_;
    std::size_t count_ = 0;
};

struct LeftOut {
    std::vector<std::string> binary;  ///< files
    std::uint64_t replaced = 0;
};

std::string binary_note(const std::vector<std::string>& files) {
    constexpr std::size_t most_named = 3;
    std::string names;
    for (std::size_t i = 0; i < std::min(files.size(), most_named); ++i) {
        names.append(i == 0 ? "" : ", ").append(files[i]);
    }
    return fmt::format(
        "{} NUL bytes, which no text has, and {} at the first: {}{}",
        files.size() == 1 ? "1 file has" : fmt::format("{} files have", files.size()),
        files.size() == 1 ? "ends" : "end", names, files.size() > most_named ? ", ..." : "");
}

Result<void> import_file(const KnowledgeImport& what, const fs::path& file, KnowledgeWriter& into,
                         LeftOut& left) {
    const fs::path name =
        file == what.source ? file.filename() : file.lexically_relative(what.source);
    TextPieces pieces(into, printable(name.string()));
    HEXCORE_TRY(lines, LineSource::open(file));
    for (;;) {
        HEXCORE_TRY(line, lines.next());
        if (what.stop != nullptr && what.stop->load()) {
            return fail(ErrorCode::interrupted, "interrupted");
        }
        if (lines.is_binary()) {
            left.binary.push_back(printable(name.string()));
            return pieces.end_piece();
        }
        if (!line) {
            break;
        }
        HEXCORE_TRY_VOID(pieces.take(*line));
    }
    left.replaced += lines.replaced();
    return pieces.end_piece();
}

}  // namespace

Result<std::vector<std::string>> import_texts(const KnowledgeImport& what, KnowledgeWriter& into) {
    std::error_code error;
    std::vector<fs::path> files{what.source};
    if (fs::is_directory(what.source, error)) {
        HEXCORE_TRY(found, text_files(what.source));
        files = std::move(found);
        if (files.empty()) {
            return fail(ErrorCode::bad_input, "{} has no texts: files that end in .txt or .md",
                        what.source.string());
        }
    }
    LeftOut left;
    for (const fs::path& file : files) {
        HEXCORE_TRY_VOID(import_file(what, file, into, left));
    }
    std::vector<std::string> notes;
    if (!left.binary.empty()) {
        notes.push_back(binary_note(left.binary));
    }
    if (left.replaced > 0) {
        notes.push_back(replaced_note(left.replaced));
    }
    return notes;
}

}  // namespace hexcore
