#include "hexcore/assistant/knowledge_reader.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include "hexcore/base/printable.hpp"

namespace hexcore {
namespace {

// Longer names there are none.
constexpr std::int64_t name_words_longest = 24;
constexpr std::size_t rules_most = 8;
constexpr std::size_t numbers_most = 16;
constexpr std::size_t notes_most = 2;
constexpr std::size_t searched_words_most = 16;
// Words of more passages say little, and take long.
constexpr std::int64_t usual_from = 600;
// Of a long question the rarest words say what it is about.
constexpr std::size_t rarest_words = 8;

constexpr std::array<std::string_view, 84> searched_for_nothing{
    "a",     "about", "after", "all",  "also",  "am",   "an",    "and",    "any",   "are",  "as",
    "at",    "be",    "been",  "but",  "by",    "can",  "could", "did",    "do",    "does", "for",
    "from",  "get",   "had",   "has",  "have",  "he",   "her",   "him",    "his",   "how",  "i",
    "i'm",   "if",    "in",    "into", "is",    "it",   "its",   "just",   "me",    "my",   "no",
    "not",   "now",   "of",    "on",   "one",   "or",   "our",   "please", "she",   "so",   "some",
    "tell",  "than",  "that",  "the",  "their", "them", "then",  "there",  "these", "they", "this",
    "those", "to",    "too",   "up",   "us",    "was",  "we",    "were",   "what",  "when", "which",
    "who",   "whom",  "why",   "will", "with",  "you",  "your"};

/// In quotation marks or brackets a name is a name.
bool is_marked(std::string_view question, std::size_t begin, std::size_t end) {
    constexpr std::string_view before = "[\"";
    constexpr std::string_view after = "]\"";
    return begin > 0 && end < question.size() &&
           before.find(question[begin - 1]) != std::string_view::npos &&
           after.find(question[end]) != std::string_view::npos;
}

/// Whether a name in a question, from one word on, is written as a name.
bool is_written_as_name(const KnowledgeQuery& query, std::size_t first, std::size_t count,
                        const std::string& spelled, NameCare care) {
    const TextWord& front = query.words[first];
    if (care == NameCare::any ||
        is_marked(query.question, front.begin, query.words[first + count - 1].end)) {
        return true;
    }
    const std::vector<TextWord> own = words_of(spelled, count);
    for (std::size_t at = 0; at < own.size(); ++at) {
        if (own[at].has_capital && !query.words[first + at].has_capital) {
            return false;
        }
    }
    return care == NameCare::capitals || count > 1 || !front.begins_sentence;
}

/// Numbers of rules in a text: "702.19b", "702.19", and "702" behind the word rule.
std::vector<std::string> rule_numbers(std::string_view text) {
    const auto is_digit = [&](std::size_t at) {
        return at < text.size() && text[at] >= '0' && text[at] <= '9';
    };
    std::vector<std::string> numbers;
    for (std::size_t at = 0; at < text.size() && numbers.size() < numbers_most;) {
        if (!is_digit(at)) {
            at += 1;
            continue;
        }
        std::size_t end = at;
        while (is_digit(end)) {
            end += 1;
        }
        const bool is_section = end - at == 3;
        bool is_whole = false;
        if (is_section && end < text.size() && text[end] == '.' && is_digit(end + 1)) {
            is_whole = true;
            for (end += 1; is_digit(end);) {
                end += 1;
            }
            const auto letter = [&](std::size_t place) {
                return place < text.size() && text[place] >= 'a' && text[place] <= 'z';
            };
            end += letter(end) && !letter(end + 1) ? 1 : 0;
        }
        constexpr std::size_t looked_back = 6;
        const std::string before =
            folded(text.substr(at - std::min(at, looked_back), std::min(at, looked_back)));
        const bool is_called_rule =
            before.ends_with("rule ") || before.ends_with("rules ") || before.ends_with("cr ");
        if (is_section && (is_whole || is_called_rule)) {
            numbers.emplace_back(text.substr(at, end - at));
        }
        at = end;
    }
    return numbers;
}

/// What follows a number in those of its parts: "702.19" has 702.19a, and not 702.190.
bool is_part_of(std::string_view cited, std::string_view number) {
    const std::string_view rest = cited.substr(std::min(number.size(), cited.size()));
    return rest.empty() || (rest.front() >= 'a' && rest.front() <= 'z') || rest.front() == '.';
}

}  // namespace

struct KnowledgeReader::NamedCard {
    std::size_t first = 0;  ///< of the question's words
    std::size_t count = 0;
    std::size_t bytes = 0;
    std::int64_t passage = 0;
};

KnowledgeReader::KnowledgeReader(SqlDatabase database, KnowledgeSource about)
    : database_(std::move(database)),
      about_(std::move(about)),
      first_word_(database_.get(), "SELECT longest FROM first_word WHERE word = ?"),
      name_(database_.get(),
            "SELECT passage, spelled, care, short FROM name WHERE words = ? ORDER BY short"),
      passage_(database_.get(), "SELECT id, cited, title, body FROM passage WHERE id = ?"),
      cited_(database_.get(),
             "SELECT id, cited, title, body FROM passage "
             "WHERE note_of IS NULL AND cited >= ?1 AND cited < ?1 || '~' ORDER BY id"),
      notes_(database_.get(), "SELECT id, cited, title, body FROM passage WHERE note_of = ?"),
      relevant_(database_.get(),
                "SELECT id, cited, passage.title, passage.body FROM "
                "(SELECT rowid AS found, bm25(passage_text, 2.0, 1.0) AS score FROM passage_text "
                "WHERE passage_text MATCH ? ORDER BY score, rowid LIMIT ?) "
                "JOIN passage ON id = found ORDER BY score, id"),
      documents_(database_.get(),
                 "SELECT count(*) FROM (SELECT 1 FROM passage_text WHERE passage_text MATCH ? "
                 "LIMIT ?)") {}

Result<std::unique_ptr<KnowledgeReader>> KnowledgeReader::open(const std::filesystem::path& file) {
    SqlDatabase database;
    int code = database.open_finished(file);
    KnowledgeSource about;
    about.file = file;
    if (code == SQLITE_OK) {
        SqlStatement version(database.get(), "PRAGMA user_version");
        version.step();
        code = version.code();
        if (code == SQLITE_ROW && version.number_at(0) != knowledge_version) {
            return fail(ErrorCode::bad_input,
                        "{} is knowledge of version {}, and this program reads {}: import it again",
                        file.string(), version.number_at(0), knowledge_version);
        }
    }
    if (code == SQLITE_OK || code == SQLITE_ROW) {
        SqlStatement all(database.get(), "SELECT key, value FROM about");
        while (all.step()) {
            const std::string key = all.text_at(0);
            if (key == "kind") {
                about.kind = knowledge_kind(all.text_at(1)).value_or(KnowledgeKind::texts);
            } else if (key == "origin") {
                about.origin = all.text_at(1);
            } else if (key == "imported_at_s") {
                about.imported_at_s = all.number_at(1);
            } else if (key == "passages") {
                about.passages = static_cast<std::uint64_t>(all.number_at(1));
            }
        }
        code = all.code();
    }
    if (code != SQLITE_DONE) {
        return fail(
            ErrorCode::bad_input,
            "{} is no knowledge that can be read ({}): import it again, or have it forgotten",
            file.string(), SqlDatabase::words(code));
    }
    std::error_code error;
    about.bytes = std::filesystem::file_size(file, error);
    return std::unique_ptr<KnowledgeReader>(
        new KnowledgeReader(std::move(database), std::move(about)));
}

Result<void> KnowledgeReader::check(const SqlStatement& statement) const {
    if (statement.code() != SQLITE_DONE && statement.code() != SQLITE_ROW) {
        return fail(ErrorCode::bad_input, "{} cannot be read ({}): import it again",
                    about_.file.string(), SqlDatabase::words(statement.code()));
    }
    return {};
}

Result<void> KnowledgeReader::probe(const KnowledgeQuery& query, std::size_t first,
                                    std::size_t count, const std::string& words, std::uint32_t most,
                                    std::vector<NamedCard>& found) {
    std::vector<NamedCard> whole;
    std::vector<NamedCard> called;
    name_.text(1, words);
    while (name_.step()) {
        const auto care = static_cast<NameCare>(name_.number_at(2));
        if (is_written_as_name(query, first, count, name_.text_at(1), care)) {
            (name_.number_at(3) == 0 ? whole : called)
                .push_back({first, count, words.size(), name_.number_at(0)});
        }
    }
    Result<void> read = check(name_);
    name_.reset();
    // Several are called so: none of them is meant more than another.
    const auto& meant = whole.empty() && called.size() <= most ? called : whole;
    found.insert(found.end(), meant.begin(), meant.end());
    return read;
}

Result<void> KnowledgeReader::find_names(const KnowledgeQuery& query, std::size_t first,
                                         std::uint32_t most, std::vector<NamedCard>& found) {
    std::string words;
    std::vector<std::string> begun;
    std::int64_t longest = 0;
    // Of a plural the singular may begin a name.
    const std::string& word = query.words[first].folded;
    for (const std::string& start : {word, word.substr(0, word.size() - 1)}) {
        first_word_.text(1, start);
        longest = std::max(longest, first_word_.step() ? first_word_.number_at(0) : 0);
        HEXCORE_TRY_VOID(check(first_word_));
        first_word_.reset();
        if (!word.ends_with('s')) {
            break;
        }
    }
    longest = std::min(longest, name_words_longest);
    const std::size_t last =
        std::min(query.words.size() - first, static_cast<std::size_t>(longest));
    for (std::size_t count = 1; count <= last; ++count) {
        words += (words.empty() ? "" : " ") + query.words[first + count - 1].folded;
        begun.push_back(words);
    }
    for (std::size_t count = begun.size(); count > 0; --count) {
        const std::string& name = begun[count - 1];
        const std::size_t before = found.size();
        HEXCORE_TRY_VOID(probe(query, first, count, name, most, found));
        if (found.size() == before && name.ends_with('s')) {
            HEXCORE_TRY_VOID(
                probe(query, first, count, name.substr(0, name.size() - 1), most, found));
        }
    }
    return {};
}

Result<std::vector<KnowledgeReader::Row>> KnowledgeReader::named_cards(KnowledgeQuery& query,
                                                                       std::uint32_t most) {
    std::vector<NamedCard> found;
    for (std::size_t first = 0; first < query.words.size(); ++first) {
        HEXCORE_TRY_VOID(find_names(query, first, most, found));
    }
    std::stable_sort(found.begin(), found.end(), [](const NamedCard& a, const NamedCard& b) {
        return std::pair(b.count, b.bytes) < std::pair(a.count, a.bytes);
    });
    std::vector<Row> rows;
    std::vector<std::pair<std::size_t, std::size_t>> taken;  // words of names that count
    for (const NamedCard& card : found) {
        const std::pair own(card.first, card.first + card.count);
        const bool is_free = std::none_of(taken.begin(), taken.end(), [&](const auto& other) {
            return other != own && own.first < other.second && other.first < own.second;
        });
        const bool is_new = std::none_of(rows.begin(), rows.end(),
                                         [&](const Row& row) { return row.id == card.passage; });
        if (!is_free) {
            continue;
        }
        taken.push_back(own);
        for (std::size_t at = own.first; at < own.second; ++at) {
            query.is_in_name[at] = true;
        }
        if (is_new && rows.size() < most) {
            HEXCORE_TRY(row, passage(card.passage));
            rows.push_back(std::move(row));
        }
    }
    return rows;
}

Result<KnowledgeReader::Row> KnowledgeReader::passage(std::int64_t id) {
    passage_.number(1, id);
    Row row;
    if (passage_.step()) {
        row = {passage_.number_at(0),
               {passage_.text_at(1), passage_.text_at(2), passage_.text_at(3)}};
    }
    HEXCORE_TRY_VOID(check(passage_));
    passage_.reset();
    return row;
}

Result<std::vector<KnowledgeReader::Row>> KnowledgeReader::numbered_rules(
    std::string_view question) {
    std::vector<Row> rows;
    for (const std::string& number : rule_numbers(question)) {
        cited_.text(1, number);
        while (rows.size() < rules_most && cited_.step()) {
            if (is_part_of(cited_.text_at(1), number)) {
                rows.push_back({cited_.number_at(0),
                                {cited_.text_at(1), cited_.text_at(2), cited_.text_at(3)}});
            }
        }
        HEXCORE_TRY_VOID(check(cited_));
        cited_.reset();
    }
    return rows;
}

Result<std::vector<KnowledgeReader::Row>> KnowledgeReader::notes(std::int64_t passage,
                                                                 const KnowledgeQuery& query) {
    std::set<std::string> asked;
    for (const TextWord& word : query.words) {
        if (std::find(searched_for_nothing.begin(), searched_for_nothing.end(), word.folded) ==
            searched_for_nothing.end()) {
            asked.insert(word.folded);
        }
    }
    constexpr std::size_t looked_at = 200;
    std::vector<std::pair<std::size_t, Row>> scored;
    notes_.number(1, passage);
    while (scored.size() < looked_at && notes_.step()) {
        Row row{notes_.number_at(0), {notes_.text_at(1), notes_.text_at(2), notes_.text_at(3)}};
        std::set<std::string> shared;
        for (TextWord& word : words_of(row.passage.body, 200)) {
            if (asked.contains(word.folded)) {
                shared.insert(std::move(word.folded));
            }
        }
        scored.emplace_back(shared.size(), std::move(row));
    }
    HEXCORE_TRY_VOID(check(notes_));
    notes_.reset();
    std::stable_sort(scored.begin(), scored.end(),
                     [](const auto& a, const auto& b) { return b.first < a.first; });
    std::vector<Row> rows;
    for (auto& [score, row] : scored) {
        if (score > 1 && rows.size() < notes_most) {
            rows.push_back(std::move(row));
        }
    }
    return rows;
}

Result<std::vector<KnowledgeReader::Row>> KnowledgeReader::relevant(const KnowledgeQuery& query,
                                                                    std::uint32_t most) {
    // In quotation marks a word is nothing but a word to FTS5, and no word has any in it.
    std::vector<std::pair<std::int64_t, std::string>> counted;
    std::set<std::string> once;
    for (std::size_t at = 0; at < query.words.size() && once.size() < searched_words_most; ++at) {
        const std::string& word = query.words[at].folded;
        if (query.is_in_name[at] || word.size() < 2 || !once.insert(word).second ||
            std::find(searched_for_nothing.begin(), searched_for_nothing.end(), word) !=
                searched_for_nothing.end()) {
            continue;
        }
        const std::string quoted = fmt::format("\"{}\"", word);
        documents_.text(1, quoted);
        documents_.number(2, usual_from);
        const std::int64_t passages = documents_.step() ? documents_.number_at(0) : 0;
        HEXCORE_TRY_VOID(check(documents_));
        documents_.reset();
        if (passages > 0 && passages < usual_from) {
            counted.emplace_back(passages, quoted);
        }
    }
    std::stable_sort(counted.begin(), counted.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    counted.resize(std::min(counted.size(), rarest_words));
    std::string searched;
    for (const auto& [passages, word] : counted) {
        searched.append(searched.empty() ? "" : " OR ").append(word);
    }
    std::vector<Row> rows;
    if (searched.empty() || most == 0) {
        return rows;
    }
    relevant_.text(1, searched);
    relevant_.number(2, most);
    while (relevant_.step()) {
        rows.push_back({relevant_.number_at(0),
                        {relevant_.text_at(1), relevant_.text_at(2), relevant_.text_at(3)}});
    }
    HEXCORE_TRY_VOID(check(relevant_));
    relevant_.reset();
    return rows;
}

}  // namespace hexcore
