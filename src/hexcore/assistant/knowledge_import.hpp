#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/assistant/knowledge_file.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {

struct KnowledgeImport {
    std::filesystem::path source;
    /// Nothing: JSON has cards, a text of numbered paragraphs rules, anything else texts.
    std::optional<KnowledgeKind> kind = {};
    const std::atomic<bool>* stop = nullptr;  ///< null: nothing ends it
};

struct ImportedKnowledge {
    KnowledgeKind kind = KnowledgeKind::texts;
    std::filesystem::path file;
    std::uint64_t passages = 0;
    std::vector<std::string> notes = {};  ///< sentences: what was left out
};

/// Imports into a folder of knowledge_folder(), in place of what was imported before of the same
/// kind (of texts: from the same place), at once at the end. Memory is bounded, whatever the source
/// holds. Fails with ErrorCode::bad_input for what cannot be read as its kind or has nothing to
/// import, negative for what cannot be written, interrupted once `stop` is set: nothing has changed
/// then.
[[nodiscard]] Result<ImportedKnowledge> import_knowledge(const KnowledgeImport& what,
                                                         const std::filesystem::path& folder);

/// Removes what was imported, of one kind or all of it: how many files that was. Fails with
/// ErrorCode::negative where one cannot be removed.
[[nodiscard]] Result<std::size_t> forget_knowledge(const std::filesystem::path& folder,
                                                   std::optional<KnowledgeKind> kind);

// Its three parts. `name`: the source in messages.

/// MTGJSON's AllPrintings, AtomicCards or a set.
[[nodiscard]] Result<void> import_cards(const KnowledgeImport& what, KnowledgeWriter& into);
/// Numbered rules and a glossary.
[[nodiscard]] Result<std::vector<std::string>> import_rules(const KnowledgeImport& what,
                                                            KnowledgeWriter& into);
/// A text, or a folder of texts and Markdown.
[[nodiscard]] Result<std::vector<std::string>> import_texts(const KnowledgeImport& what,
                                                            KnowledgeWriter& into);
/// A sentence about so many lines of which bytes were replaced.
[[nodiscard]] std::string replaced_note(std::uint64_t lines);
/// Whether lines look like numbered rules.
[[nodiscard]] bool looks_like_rules(const std::filesystem::path& file);

}  // namespace hexcore
