#include "hexcore/assistant/knowledge.hpp"

#include <algorithm>
#include <set>
#include <system_error>
#include <utility>

#include "hexcore/assistant/knowledge_reader.hpp"

namespace hexcore {
namespace {

// Of longer questions the start is looked at.
constexpr std::size_t question_words_most = 256;
constexpr std::size_t question_bytes_most = 65536;
// A shorter rest of a passage is not worth its place.
constexpr std::uint64_t tokens_worth_cutting = 40;

/// Fills the budget, in the order in which passages come.
class BudgetFill {
public:
    BudgetFill(std::uint64_t budget, const CountTokens& count) : budget_(budget), count_(count) {}

    void add(KnowledgePassage passage, KnowledgeKind kind) {
        if (passage.id.empty() || left() == 0 || !once_.insert(passage.id).second) {
            return;
        }
        std::uint64_t tokens = count_(passage_text(passage));
        bool is_cut = false;
        if (tokens > left()) {
            is_cut = left() >= tokens_worth_cutting && cut(passage);
            if (!is_cut) {
                return;
            }
            tokens = count_(passage_text(passage));
        }
        made_.tokens += tokens;
        made_.passages.push_back({std::move(passage), kind, is_cut});
    }

    [[nodiscard]] LookedUp take() { return std::move(made_); }

private:
    [[nodiscard]] std::uint64_t left() const { return budget_ - made_.tokens; }

    /// To as many whole sentences as there is room for; false: not even for one.
    [[nodiscard]] bool cut(KnowledgePassage& passage) const {
        std::vector<std::size_t> ends;
        for (std::size_t at = passage.body.find(". "); at != std::string::npos;
             at = passage.body.find(". ", at + 1)) {
            ends.push_back(at + 1);
        }
        KnowledgePassage part = passage;
        const auto fits = [&](std::size_t end) {
            part.body = passage.body.substr(0, end);
            return count_(passage_text(part)) <= left();
        };
        const auto first_too_long = std::partition_point(ends.begin(), ends.end(), fits);
        if (first_too_long == ends.begin()) {
            return false;
        }
        passage.body.resize(*std::prev(first_too_long));
        return true;
    }

    std::uint64_t budget_;
    const CountTokens& count_;
    std::set<std::string> once_;
    LookedUp made_;
};

}  // namespace

std::uint64_t about_tokens(std::string_view text) {
    constexpr std::uint64_t bytes_of_token = 4;
    return (text.size() + bytes_of_token - 1) / bytes_of_token;
}

std::string passage_text(const KnowledgePassage& passage) {
    const bool is_titled = !passage.title.empty() && passage.title != passage.id;
    return fmt::format("[{}] {}{}{}\n", passage.id, is_titled ? passage.title : "",
                       is_titled ? ": " : "", passage.body);
}

std::string knowledge_text(const std::vector<FoundPassage>& passages) {
    std::string text;
    for (const FoundPassage& found : passages) {
        text += passage_text(found.passage);
    }
    return text;
}

Knowledge::Knowledge() = default;
Knowledge::Knowledge(Knowledge&&) noexcept = default;
Knowledge& Knowledge::operator=(Knowledge&&) noexcept = default;
Knowledge::~Knowledge() = default;

Result<Knowledge> Knowledge::open(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
        if (entry->path().extension() == ".sqlite") {
            files.push_back(entry->path());
        }
    }
    std::sort(files.begin(), files.end());
    Knowledge knowledge;
    for (const std::filesystem::path& file : files) {
        HEXCORE_TRY(source, KnowledgeReader::open(file));
        knowledge.sources_.push_back(std::move(source));
    }
    return knowledge;
}

std::vector<KnowledgeSource> Knowledge::sources() const {
    std::vector<KnowledgeSource> all;
    for (const auto& source : sources_) {
        all.push_back(source->about());
    }
    return all;
}

Result<LookedUp> Knowledge::look_up(std::string_view question, const KnowledgeLimits& limits,
                                    const CountTokens& count) const {
    BudgetFill fill(limits.budget_tokens, count);
    if (limits.budget_tokens == 0 || sources_.empty()) {
        return fill.take();
    }
    question = question.substr(0, question_bytes_most);
    KnowledgeQuery query{question, words_of(question, question_words_most), {}};
    query.is_in_name.assign(query.words.size(), false);
    std::vector<std::pair<KnowledgeReader*, std::int64_t>> named;
    for (const auto& source : sources_) {
        HEXCORE_TRY(cards, source->named_cards(query, limits.cards));
        for (KnowledgeReader::Row& row : cards) {
            named.emplace_back(source.get(), row.id);
            fill.add(std::move(row.passage), source->about().kind);
        }
    }
    for (const auto& source : sources_) {
        if (source->about().kind == KnowledgeKind::rules) {
            HEXCORE_TRY(rules, source->numbered_rules(question));
            for (KnowledgeReader::Row& row : rules) {
                fill.add(std::move(row.passage), KnowledgeKind::rules);
            }
        }
    }
    for (const auto& [source, card] : named) {
        HEXCORE_TRY(notes, source->notes(card, query));
        for (KnowledgeReader::Row& row : notes) {
            fill.add(std::move(row.passage), source->about().kind);
        }
    }
    // Ranks of different files cannot be compared: the best of each, then the second ones.
    std::vector<std::pair<std::size_t, std::pair<KnowledgeKind, KnowledgePassage>>> ranked;
    for (const auto& source : sources_) {
        const KnowledgeKind kind = source->about().kind;
        if (kind == KnowledgeKind::cards && !named.empty()) {
            continue;
        }
        HEXCORE_TRY(rows, source->relevant(query, limits.passages));
        for (std::size_t rank = 0; rank < rows.size(); ++rank) {
            ranked.push_back({rank, {kind, std::move(rows[rank].passage)}});
        }
    }
    std::stable_sort(ranked.begin(), ranked.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    ranked.resize(std::min<std::size_t>(ranked.size(), limits.passages));
    for (auto& [rank, found] : ranked) {
        fill.add(std::move(found.second), found.first);
    }
    return fill.take();
}

}  // namespace hexcore
