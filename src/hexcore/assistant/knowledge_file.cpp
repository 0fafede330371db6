#include "hexcore/assistant/knowledge_file.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <chrono>
#include <system_error>
#include <utility>

#include "hexcore/base/check.hpp"
#include "hexcore/base/state_home.hpp"

namespace hexcore {
namespace {

// Nobody reads the file before it is whole, and nobody keeps it if it is not: no journal.
constexpr const char* knowledge_schema = R"(
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA locking_mode = EXCLUSIVE;
BEGIN;
CREATE TABLE about (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE passage (id INTEGER PRIMARY KEY, cited TEXT NOT NULL, title TEXT NOT NULL,
                      body TEXT NOT NULL, note_of INTEGER);
CREATE VIRTUAL TABLE passage_text USING fts5 (title, body, content = 'passage',
    content_rowid = 'id', tokenize = 'porter unicode61 remove_diacritics 2');
CREATE TABLE name (words TEXT NOT NULL, passage INTEGER NOT NULL, spelled TEXT NOT NULL,
                   care INTEGER NOT NULL, short INTEGER NOT NULL);
)";
constexpr const char* knowledge_indices = R"(
CREATE INDEX passage_cited ON passage (cited) WHERE note_of IS NULL;
CREATE INDEX passage_notes ON passage (note_of) WHERE note_of IS NOT NULL;
CREATE INDEX name_words ON name (words);
CREATE TABLE first_word (word TEXT PRIMARY KEY, longest INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO first_word SELECT substr(words, 1, instr(words || ' ', ' ') - 1),
    max(length(words) - length(replace(words, ' ', '')) + 1) FROM name GROUP BY 1;
)";

}  // namespace

const char* to_string(KnowledgeKind kind) {
    switch (kind) {
        case KnowledgeKind::cards:
            return "cards";
        case KnowledgeKind::rules:
            return "rules";
        case KnowledgeKind::texts:
            return "texts";
    }
    HEXCORE_CHECK(false, "unknown kind", static_cast<int>(kind));
}

std::optional<KnowledgeKind> knowledge_kind(std::string_view name) {
    for (const auto kind : {KnowledgeKind::cards, KnowledgeKind::rules, KnowledgeKind::texts}) {
        if (name == to_string(kind)) {
            return kind;
        }
    }
    return std::nullopt;
}

Result<std::filesystem::path> knowledge_folder(const std::string& assistant) {
    const std::filesystem::path home = data_home();
    if (home.empty()) {
        return fail(ErrorCode::negative,
                    "there is no folder for what assistants know: the environment names no home");
    }
    return home / "assistants" / assistant / "knowledge";
}

KnowledgeWriter::KnowledgeWriter(PrivateFile file, std::filesystem::path path)
    : file_(std::move(file)), path_(std::move(path)) {}

tl::unexpected<Error> KnowledgeWriter::wrong(int code) const {
    return fail(ErrorCode::negative, "cannot write {}: {}", path_.string(),
                SqlDatabase::words(code));
}

Result<KnowledgeWriter> KnowledgeWriter::begin(const std::filesystem::path& folder,
                                               const std::string& name, KnowledgeKind kind) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    HEXCORE_TRY(file, PrivateFile::begin(folder / name));
    KnowledgeWriter writer(std::move(file), folder / name);
    HEXCORE_TRY_VOID(writer.make_tables(kind));
    return writer;
}

Result<void> KnowledgeWriter::make_tables(KnowledgeKind kind) {
    kind_ = kind;
    int code = database_.open(file_.beside());
    code = code == SQLITE_OK ? database_.execute(knowledge_schema) : code;
    if (code != SQLITE_OK) {
        return wrong(code);
    }
    add_passage_.emplace(database_.get(),
                         "INSERT INTO passage (id, cited, title, body, note_of) "
                         "VALUES (?, ?, ?, ?, nullif(?, 0))");
    add_text_.emplace(database_.get(),
                      "INSERT INTO passage_text (rowid, title, body) VALUES (?, ?, ?)");
    add_name_.emplace(database_.get(),
                      "INSERT INTO name (words, passage, spelled, care, short) "
                      "VALUES (?, ?, ?, ?, ?)");
    return {};
}

Result<void> KnowledgeWriter::run(SqlStatement& statement) const {
    statement.step();
    if (statement.code() != SQLITE_DONE) {
        return wrong(statement.code());
    }
    statement.reset();
    return {};
}

Result<std::int64_t> KnowledgeWriter::add(const KnowledgePassage& passage) {
    HEXCORE_TRY_VOID(add_note(0, passage));
    add_text_->number(1, rows_);
    add_text_->text(2, passage.title);
    add_text_->text(3, passage.body);
    HEXCORE_TRY_VOID(run(*add_text_));
    passages_ += 1;
    return rows_;
}

Result<void> KnowledgeWriter::add_note(std::int64_t passage, const KnowledgePassage& note) {
    rows_ += 1;
    add_passage_->number(1, rows_);
    add_passage_->text(2, note.id);
    add_passage_->text(3, note.title);
    add_passage_->text(4, note.body);
    add_passage_->number(5, passage);
    return run(*add_passage_);
}

Result<void> KnowledgeWriter::add_name(std::int64_t passage, const Name& name) {
    add_name_->text(1, name.words);
    add_name_->number(2, passage);
    add_name_->text(3, name.spelled);
    add_name_->number(4, static_cast<std::int64_t>(name.care));
    add_name_->number(5, name.is_short ? 1 : 0);
    return run(*add_name_);
}

Result<void> KnowledgeWriter::finish(const std::string& origin) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    {
        SqlStatement about(database_.get(),
                           "INSERT INTO about VALUES ('kind', ?), ('origin', ?), "
                           "('imported_at_s', ?), ('passages', ?)");
        about.text(1, to_string(kind_));
        about.text(2, origin);
        about.number(3, std::chrono::duration_cast<std::chrono::seconds>(now).count());
        about.number(4, static_cast<std::int64_t>(passages_));
        HEXCORE_TRY_VOID(run(about));
    }
    int code = database_.execute(knowledge_indices);
    const std::string end = fmt::format(
        "INSERT INTO passage_text (passage_text) VALUES ('optimize'); "
        "PRAGMA user_version = {}; COMMIT; ANALYZE;",
        knowledge_version);
    code = code == SQLITE_OK ? database_.execute(end.c_str()) : code;
    if (code != SQLITE_OK) {
        return wrong(code);
    }
    add_passage_.reset();
    add_text_.reset();
    add_name_.reset();
    // With no statement left it is closed, and all of it written.
    database_.close();
    return file_.finish();
}

}  // namespace hexcore
