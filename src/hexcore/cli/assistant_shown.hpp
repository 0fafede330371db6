#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/assistant/assistant_description.hpp"
#include "hexcore/assistant/knowledge.hpp"
#include "hexcore/assistant/knowledge_import.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {

/// An assistant, and what it knows.
struct AssistantFacts {
    AssistantDescription assistant;
    std::filesystem::path file;
    std::vector<KnowledgeSource> knowledge;
    std::string knowledge_problem;  ///< a sentence; empty: all of it can be read
};

// docs/formats/assistant.md

[[nodiscard]] std::string assistants_table(const std::vector<AssistantFacts>& all, TextStyle style);
[[nodiscard]] nlohmann::ordered_json assistants_json(const std::vector<AssistantFacts>& all);
/// One in detail.
[[nodiscard]] std::string assistant_table(const AssistantFacts& facts, TextStyle style);

[[nodiscard]] std::string imported_text(const ImportedKnowledge& imported, double took_ms);
[[nodiscard]] nlohmann::ordered_json imported_json(const std::string& assistant,
                                                   const ImportedKnowledge& imported,
                                                   double took_ms);

[[nodiscard]] nlohmann::ordered_json looked_up_json(std::string_view question,
                                                    const LookedUp& found);

}  // namespace hexcore
