#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "hexcore/base/private_file.hpp"
#include "hexcore/base/result.hpp"
#include "hexcore/database/sql_database.hpp"

namespace hexcore {

/// What was imported. Each has a file of its own in an assistant's folder; every folder of texts,
/// too.
enum class KnowledgeKind {
    cards,  ///< found by their names
    rules,  ///< found by their numbers, and by relevance
    texts,  ///< found by relevance
};

[[nodiscard]] const char* to_string(KnowledgeKind kind);
[[nodiscard]] std::optional<KnowledgeKind> knowledge_kind(std::string_view name);

/// How a card's name has to be written in a question for the card to be meant.
enum class NameCare {
    any,       ///< in capitals or small letters
    capitals,  ///< with the capitals that it has
    /// The same, and not as the first word of a sentence, which has a capital anyway.
    inner_capitals,
};

/// One piece of text that a prompt may hold, and be cited by.
struct KnowledgePassage {
    std::string id;  ///< what cites it: a card's name, a rule's number, a file and a number
    std::string title;
    std::string body;
};

/// Where knowledge of an assistant lies: `assistants/NAME/knowledge` in data_home(). Fails with
/// ErrorCode::negative where that is not known.
[[nodiscard]] Result<std::filesystem::path> knowledge_folder(const std::string& assistant);

/// The version of files of knowledge (docs/formats/knowledge.md).
inline constexpr int knowledge_version = 1;

/// Writes a file of knowledge. It is the old one, or none, until finish() has renamed it; killed
/// meanwhile, it leaves nothing that a reader would open. For one thread.
class KnowledgeWriter {
public:
    /// `name`: of the file in the folder, which is made.
    [[nodiscard]] static Result<KnowledgeWriter> begin(const std::filesystem::path& folder,
                                                       const std::string& name, KnowledgeKind kind);

    /// Gives its number. Fails with ErrorCode::negative, as all below, where it cannot be written.
    [[nodiscard]] Result<std::int64_t> add(const KnowledgePassage& passage);
    /// What belongs to a passage, and is found by it alone.
    [[nodiscard]] Result<void> add_note(std::int64_t passage, const KnowledgePassage& note);
    /// `words`: folded, with single spaces. `spelled` has the capitals.
    struct Name {
        std::string words;
        std::string spelled;
        NameCare care = NameCare::any;
        bool is_short = false;  ///< a part of the name by which it is called, too
    };
    [[nodiscard]] Result<void> add_name(std::int64_t passage, const Name& name);

    /// Nothing was imported: it is not to be finished.
    [[nodiscard]] bool is_empty() const { return passages_ == 0; }
    [[nodiscard]] std::uint64_t passages() const { return passages_; }
    [[nodiscard]] Result<void> finish(const std::string& origin);

private:
    KnowledgeWriter(PrivateFile file, std::filesystem::path path);
    [[nodiscard]] Result<void> make_tables(KnowledgeKind kind);
    [[nodiscard]] Result<void> run(SqlStatement& statement) const;
    [[nodiscard]] tl::unexpected<Error> wrong(int code) const;

    PrivateFile file_;
    std::filesystem::path path_;
    SqlDatabase database_;
    // Of the database, which is closed after them.
    std::optional<SqlStatement> add_passage_;
    std::optional<SqlStatement> add_text_;
    std::optional<SqlStatement> add_name_;
    std::int64_t rows_ = 0;
    std::uint64_t passages_ = 0;
    KnowledgeKind kind_ = KnowledgeKind::texts;
};

}  // namespace hexcore
