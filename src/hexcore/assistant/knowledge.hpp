#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/assistant/assistant_description.hpp"
#include "hexcore/assistant/knowledge_file.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {

class KnowledgeReader;

/// What was imported once.
struct KnowledgeSource {
    KnowledgeKind kind = KnowledgeKind::texts;
    std::filesystem::path file;
    std::string origin;
    std::int64_t imported_at_s = 0;  ///< since 1970
    std::uint64_t passages = 0;
    std::uint64_t bytes = 0;
};

/// A passage for a prompt, and why it is there.
struct FoundPassage {
    KnowledgePassage passage;
    KnowledgeKind kind = KnowledgeKind::texts;
    bool is_cut = false;  ///< its end is missing, for want of tokens
};

struct LookedUp {
    std::vector<FoundPassage> passages;
    std::uint64_t tokens = 0;  ///< of knowledge_text(passages), as the counter has them
};

/// How many tokens a text has.
using CountTokens = std::function<std::uint64_t(std::string_view)>;

/// Without a model: four bytes a token.
[[nodiscard]] std::uint64_t about_tokens(std::string_view text);

/// A passage as a prompt has it: "[702.19b] Keyword Abilities, Trample: ...", a line.
[[nodiscard]] std::string passage_text(const KnowledgePassage& passage);
/// All of them: the knowledge part of a prompt; empty for none.
[[nodiscard]] std::string knowledge_text(const std::vector<FoundPassage>& passages);

/// What an assistant knows of the user's files, as it was when it was opened: later imports change
/// nothing of it. For one thread.
class Knowledge {
public:
    /// All files in a folder; none where there is no folder. Fails with ErrorCode::bad_input for
    /// one that is damaged or of another version.
    [[nodiscard]] static Result<Knowledge> open(const std::filesystem::path& folder);
    Knowledge(Knowledge&&) noexcept;
    Knowledge& operator=(Knowledge&&) noexcept;
    ~Knowledge();

    [[nodiscard]] bool is_empty() const { return sources_.empty(); }
    [[nodiscard]] std::vector<KnowledgeSource> sources() const;

    /// What there is for a question, whatever that holds, as far as the budget goes: cards that it
    /// names, the longest names first; rules by their numbers; what was ruled on those cards; rules
    /// and texts by relevance, and cards where none is named. A passage that does not fit is cut
    /// where a sentence ends, or left out. Fails with ErrorCode::bad_input for a damaged file.
    [[nodiscard]] Result<LookedUp> look_up(std::string_view question, const KnowledgeLimits& limits,
                                           const CountTokens& count) const;

private:
    Knowledge();
    std::vector<std::unique_ptr<KnowledgeReader>> sources_;
};

}  // namespace hexcore
