#include "hexcore/cli/assistant_shown.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "hexcore/base/bytes.hpp"
#include "hexcore/report/text_table.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

std::string day_of(std::int64_t at_s) {
    const std::time_t time = at_s;
    std::tm parts{};
    return ::gmtime_r(&time, &parts) == nullptr ? "?" : fmt::format("{:%Y-%m-%d}", parts);
}

std::string knowledge_words(const AssistantFacts& facts) {
    if (!facts.knowledge_problem.empty()) {
        return facts.knowledge_problem;
    }
    std::string words;
    for (const KnowledgeSource& source : facts.knowledge) {
        words += fmt::format("{}{} {}", words.empty() ? "" : ", ", source.passages,
                             to_string(source.kind));
    }
    return words.empty() ? "nothing" : words;
}

bool is_there(const std::filesystem::path& file) {
    std::error_code error;
    return std::filesystem::exists(file, error);
}

/// A file, and that it is missing, if it is.
std::string file_words(const std::filesystem::path& file) {
    return file.string() + (is_there(file) ? "" : ", which is not there");
}

/// Files that the assistant names and that are not there. One without its gate or questions cannot
/// be read at all.
std::vector<std::string> missing_files(const AssistantDescription& assistant) {
    std::vector<std::string> missing;
    const auto look = [&](const std::filesystem::path& file) {
        if (!file.empty() && !is_there(file)) {
            missing.push_back(file.string());
        }
    };
    look(assistant.model);
    for (const ExpertDescription& expert : assistant.experts) {
        look(expert.adapter ? expert.adapter->file : std::filesystem::path());
    }
    return missing;
}

Json knowledge_json(const KnowledgeSource& source) {
    return {{"kind", to_string(source.kind)}, {"origin", source.origin},
            {"file", source.file.string()},   {"imported_at_s", source.imported_at_s},
            {"passages", source.passages},    {"bytes", source.bytes}};
}

Json expert_json(const ExpertDescription& expert) {
    return {{"name", expert.name},
            {"description", expert.description},
            {"examples", expert.examples.size()},
            {"adapter", expert.adapter ? Json(expert.adapter->file.string()) : Json()}};
}

}  // namespace

std::string assistants_table(const std::vector<AssistantFacts>& all, TextStyle style) {
    TextTable table({{"ASSISTANT", Align::left},
                     {"EXPERTS", Align::left, Overlong::wraps},
                     {"KNOWS", Align::left, Overlong::wraps}},
                    style);
    for (const AssistantFacts& facts : all) {
        std::string experts;
        for (const ExpertDescription& expert : facts.assistant.experts) {
            experts.append(experts.empty() ? "" : ", ").append(expert.name);
        }
        table.add_row({facts.assistant.name, experts, printable(knowledge_words(facts))});
    }
    return table.render();
}

Json assistants_json(const std::vector<AssistantFacts>& all) {
    Json list = Json::array();
    for (const AssistantFacts& facts : all) {
        Json experts = Json::array();
        for (const ExpertDescription& expert : facts.assistant.experts) {
            experts.push_back(expert_json(expert));
        }
        Json knowledge = Json::array();
        for (const KnowledgeSource& source : facts.knowledge) {
            knowledge.push_back(knowledge_json(source));
        }
        list.push_back(
            {{"name", facts.assistant.name},
             {"description", facts.assistant.description},
             {"file", facts.file.string()},
             {"model",
              facts.assistant.model.empty() ? Json() : Json(facts.assistant.model.string())},
             {"experts", std::move(experts)},
             {"missing", missing_files(facts.assistant)},
             {"knowledge", std::move(knowledge)},
             {"problem",
              facts.knowledge_problem.empty() ? Json() : Json(facts.knowledge_problem)}});
    }
    return {{"schema", "hexcore.assistants/1"}, {"assistants", std::move(list)}};
}

std::string assistant_table(const AssistantFacts& facts, TextStyle style) {
    const AssistantDescription& assistant = facts.assistant;
    std::string text =
        hanging_paragraph(assistant.name + ": ", printable(assistant.description), style.columns);
    std::string experts;
    const auto labelled = assistant.labelled_questions();
    for (std::size_t expert = 0; expert < assistant.experts.size(); ++expert) {
        const ExpertDescription& one = assistant.experts[expert];
        std::size_t examples = 0;
        for (const LabelledQuestion& question : labelled) {
            examples += question.expert == expert ? 1 : 0;
        }
        const std::string adapter = one.adapter ? "; adapter " + file_words(one.adapter->file) : "";
        experts += hanging_paragraph(fmt::format("{:<12}", one.name),
                                     printable(fmt::format("{} ({}{})", one.description,
                                                           plural(examples, "example"), adapter)),
                                     style.columns);
    }
    text.append("\n").append(experts).append("\n");
    if (!assistant.model.empty()) {
        text += hanging_paragraph("model: ", printable(file_words(assistant.model)), style.columns);
    }
    if (facts.knowledge.empty()) {
        return text + hanging_paragraph("",
                                        knowledge_words(facts) == "nothing"
                                            ? "it knows nothing of yours yet"
                                            : printable(facts.knowledge_problem),
                                        style.columns);
    }
    TextTable knowledge({{"KNOWS", Align::left},
                         {"PASSAGES"},
                         {"SIZE"},
                         {"IMPORTED", Align::left},
                         {"FROM", Align::left, Overlong::wraps}},
                        style);
    for (const KnowledgeSource& source : facts.knowledge) {
        knowledge.add_row({to_string(source.kind), fmt::format("{}", source.passages),
                           to_string(Bytes(source.bytes)), day_of(source.imported_at_s),
                           printable(file_words(source.origin))});
    }
    return text + knowledge.render();
}

std::string imported_text(const ImportedKnowledge& imported, double took_ms) {
    return fmt::format("{} of {} in {:.1f} s\n", plural(imported.passages, "passage"),
                       to_string(imported.kind), took_ms / 1e3);
}

Json imported_json(const std::string& assistant, const ImportedKnowledge& imported,
                   double took_ms) {
    return {{"schema", "hexcore.import/1"},     {"assistant", assistant},
            {"kind", to_string(imported.kind)}, {"file", imported.file.string()},
            {"passages", imported.passages},    {"took_ms", took_ms},
            {"notes", imported.notes}};
}

Json looked_up_json(std::string_view question, const LookedUp& found) {
    Json passages = Json::array();
    for (const FoundPassage& one : found.passages) {
        passages.push_back({{"id", one.passage.id},
                            {"title", one.passage.title},
                            {"kind", to_string(one.kind)},
                            {"text", one.passage.body},
                            {"cut", one.is_cut}});
    }
    return {{"schema", "hexcore.knowledge/1"},
            {"question", question},
            {"tokens", found.tokens},
            {"passages", std::move(passages)}};
}

}  // namespace hexcore
