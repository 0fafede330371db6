#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/assistant/knowledge.hpp"
#include "hexcore/assistant/question_words.hpp"
#include "hexcore/database/sql_database.hpp"

namespace hexcore {

/// What of a question is looked for.
struct KnowledgeQuery {
    std::string_view question;
    std::vector<TextWord> words;
    std::vector<bool> is_in_name;  ///< for each word: a card's name has it
};

/// One file of knowledge.
class KnowledgeReader {
public:
    [[nodiscard]] static Result<std::unique_ptr<KnowledgeReader>> open(
        const std::filesystem::path& file);

    [[nodiscard]] const KnowledgeSource& about() const { return about_; }

    struct Row {
        std::int64_t id = 0;
        KnowledgePassage passage;
    };
    /// Those whose names a question has, the longest first; marks their words.
    [[nodiscard]] Result<std::vector<Row>> named_cards(KnowledgeQuery& query, std::uint32_t most);
    /// Those whose numbers it has, each with what is below it.
    [[nodiscard]] Result<std::vector<Row>> numbered_rules(std::string_view question);
    /// The notes of a passage that have most of its words, two at most.
    [[nodiscard]] Result<std::vector<Row>> notes(std::int64_t passage, const KnowledgeQuery& query);
    /// By relevance, best first.
    [[nodiscard]] Result<std::vector<Row>> relevant(const KnowledgeQuery& query,
                                                    std::uint32_t most);

private:
    struct NamedCard;
    KnowledgeReader(SqlDatabase database, KnowledgeSource about);
    [[nodiscard]] Result<void> find_names(const KnowledgeQuery& query, std::size_t first,
                                          std::uint32_t most, std::vector<NamedCard>& found);
    [[nodiscard]] Result<void> probe(const KnowledgeQuery& query, std::size_t first,
                                     std::size_t count, const std::string& words,
                                     std::uint32_t most, std::vector<NamedCard>& found);
    [[nodiscard]] Result<Row> passage(std::int64_t id);
    [[nodiscard]] Result<void> check(const SqlStatement& statement) const;

    SqlDatabase database_;
    KnowledgeSource about_;
    // Of the database, which is closed after them.
    SqlStatement first_word_;
    SqlStatement name_;
    SqlStatement passage_;
    SqlStatement cited_;
    SqlStatement notes_;
    SqlStatement relevant_;
    SqlStatement documents_;
};

}  // namespace hexcore
