#include "hexcore/assistant/assistant_file.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "hexcore/assistant/expert_table.hpp"
#include "hexcore/assistant/gate_file.hpp"
#include "hexcore/assistant/labelled_questions.hpp"
#include "hexcore/assistant/toml_values.hpp"
#include "hexcore/base/text_file.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {
namespace {

constexpr std::string_view assistant_schema = "hexcore.assistant/1";
constexpr std::string_view question_place = "{question}";
constexpr std::size_t experts_max = 32;

/// Reads one file. Each table has a function that is given a key and its value, and says whether it
/// knows the key.
class AssistantReader {
public:
    AssistantReader(const TomlValues& values, std::filesystem::path folder)
        : values_(values), folder_(std::move(folder)) {}

    Result<AssistantDescription> read(const toml::table& root) {
        HEXCORE_TRY_VOID(read_schema(root));
        for (const auto& [key, value] : root) {
            HEXCORE_TRY_VOID(read_root(key, value));
        }
        for (const char* key : {"name", "description"}) {
            if (root.get(key) == nullptr) {
                return values_.wrong(root.source(), key, "is missing");
            }
        }
        if (made_.experts.empty()) {
            return values_.wrong(root.source(), "[[expert]]", "is missing: there is no expert");
        }
        for (const auto& [file, place] : questions_) {
            const std::string path = (folder_ / file).string();
            auto text = read_text_file(path, path);
            if (!text) {
                return values_.wrong_file(place, "questions", text.error());
            }
            HEXCORE_TRY(questions, parse_labelled_questions(*text, path, made_));
            std::ranges::move(questions, std::back_inserter(made_.router.questions));
        }
        HEXCORE_TRY_VOID(check_examples());
        return std::move(made_);
    }

private:
    Result<void> read_schema(const toml::table& root) const {
        const toml::node* schema = root.get("schema");
        if (schema == nullptr) {
            return values_.wrong(root.source(), "schema",
                                 fmt::format("is missing: \"{}\"", assistant_schema));
        }
        HEXCORE_TRY(text, values_.text("schema", *schema));
        if (text != assistant_schema) {
            return values_.wrong(
                schema->source(), "schema",
                fmt::format("is {}, and this version reads {}", text, assistant_schema));
        }
        return {};
    }

    Result<void> read_root(const toml::key& key, const toml::node& value) {
        const std::string_view name = key.str();
        if (name == "schema") {
            return {};
        }
        if (name == "name") {
            HEXCORE_TRY(text, values_.text(name, value));
            if (!is_name_of(text, "-") || text.front() == '-') {
                return values_.wrong(value.source(), name,
                                     "has 1 to 32 small letters, digits and hyphens");
            }
            made_.name = std::move(text);
            return {};
        }
        if (name == "description") {
            return values_.text_into(made_.description, name, value);
        }
        if (name == "model") {
            HEXCORE_TRY(text, values_.text(name, value));
            made_.model = folder_ / text;
            return {};
        }
        if (name == "history_tokens") {
            return values_.count_into(made_.history_tokens, name, value);
        }
        if (name == "router" || name == "thresholds" || name == "knowledge" ||
            name == "combining") {
            return read_table(name, value);
        }
        if (name == "expert") {
            return read_experts(value);
        }
        return values_.wrong(key.source(), name,
                             "is unknown; there are schema, name, description, model, "
                             "history_tokens, [router], [thresholds], [combining], [knowledge] and "
                             "[[expert]]");
    }

    Result<void> read_table(std::string_view name, const toml::node& value) {
        const toml::table* table = value.as_table();
        if (table == nullptr) {
            return values_.wrong(value.source(), name, "is a table");
        }
        for (const auto& [key, inner] : *table) {
            HEXCORE_TRY_VOID(name == "router"       ? read_router(key, inner)
                             : name == "thresholds" ? read_threshold(key, inner)
                             : name == "combining"  ? read_combining(key, inner)
                                                    : read_limit(key, inner));
        }
        return {};
    }

    Result<void> read_router(const toml::key& key, const toml::node& value) {
        if (key.str() == "instruction") {
            HEXCORE_TRY(text, values_.text(key.str(), value));
            const std::size_t at = text.find(question_place);
            if (at == std::string::npos || text.find(question_place, at + 1) != std::string::npos) {
                return values_.wrong(value.source(), key.str(), "has {question} once");
            }
            made_.router.instruction = std::move(text);
        } else if (key.str() == "system") {
            return values_.text_into(made_.router.system, key.str(), value);
        } else if (key.str() == "shown") {
            return read_shown(key, value);
        } else if (key.str() == "questions") {
            const toml::array* list = value.as_array();
            for (std::size_t i = 0; i < (list != nullptr ? list->size() : 1); ++i) {
                const toml::node& one = list != nullptr ? (*list)[i] : value;
                HEXCORE_TRY(file, values_.text(key.str(), one));
                questions_.emplace_back(std::move(file), one.source());
            }
        } else {
            return values_.wrong(key.source(), key.str(),
                                 "is unknown in [router], which has system, shown, instruction and "
                                 "questions");
        }
        return {};
    }

    Result<void> read_shown(const toml::key& key, const toml::node& value) {
        const toml::array* pairs = value.as_array();
        for (std::size_t i = 0; pairs != nullptr && i < pairs->size(); ++i) {
            const toml::array* pair = (*pairs)[i].as_array();
            if (pair == nullptr || pair->size() != 2) {
                pairs = nullptr;
                break;
            }
            HEXCORE_TRY(question, values_.text(key.str(), (*pair)[0]));
            HEXCORE_TRY(kind, values_.text(key.str(), (*pair)[1]));
            made_.router.shown.push_back({std::move(question), std::move(kind)});
        }
        return pairs != nullptr ? Result<void>()
                                : values_.wrong(value.source(), key.str(),
                                                "is a list of pairs, a question and its kind");
    }

    Result<void> read_threshold(const toml::key& key, const toml::node& value) {
        double* into = key.str() == "confidence" ? &made_.thresholds.confidence
                       : key.str() == "spread"   ? &made_.thresholds.spread
                                                 : nullptr;
        if (into == nullptr) {
            return values_.wrong(key.source(), key.str(),
                                 "is unknown in [thresholds], which has confidence and spread");
        }
        HEXCORE_TRY(number, values_.number(key.str(), value, 0, 1));
        *into = number;
        return {};
    }

    Result<void> read_combining(const toml::key& key, const toml::node& value) {
        CombiningDescription& combining = made_.combining;
        if (key.str() == "method" || key.str() == "gate") {
            HEXCORE_TRY(text, values_.text(key.str(), value));
            if (key.str() == "gate") {
                const std::filesystem::path file = folder_ / text;
                auto gate = read_gate(file);
                if (!gate) {
                    return values_.wrong_file(value.source(), key.str(), gate.error());
                }
                combining.gate = *std::move(gate);
                return {};
            }
            const auto method = combination_named(text);
            if (!method) {
                return values_.wrong(value.source(), key.str(),
                                     "is choose, merge, blend or attend");
            }
            combining.method = *method;
            return {};
        }
        double* into = key.str() == "blend_temperature"    ? &combining.blend_temperature
                       : key.str() == "attend_temperature" ? &combining.attend_temperature
                                                           : nullptr;
        if (into == nullptr) {
            return values_.wrong(key.source(), key.str(),
                                 "is unknown in [combining], which has method, "
                                 "blend_temperature, attend_temperature and gate");
        }
        HEXCORE_TRY(number, values_.number(key.str(), value, 0.001, 1000));
        *into = number;
        return {};
    }

    Result<void> read_limit(const toml::key& key, const toml::node& value) {
        KnowledgeLimits& limits = made_.knowledge;
        std::uint32_t* into = key.str() == "budget_tokens" ? &limits.budget_tokens
                              : key.str() == "cards"       ? &limits.cards
                              : key.str() == "passages"    ? &limits.passages
                                                           : nullptr;
        if (into == nullptr) {
            return values_.wrong(
                key.source(), key.str(),
                "is unknown in [knowledge], which has budget_tokens, cards and passages");
        }
        return values_.count_into(*into, key.str(), value);
    }

    Result<void> read_experts(const toml::node& value) {
        if (const toml::array* list = value.as_array(); list != nullptr && list->empty()) {
            return values_.wrong(value.source(), "expert", "is an empty list: there is no expert");
        }
        if (!value.is_array_of_tables()) {
            return values_.wrong(
                value.source(), "expert",
                "is not what experts are written as: [[expert]], a table for each");
        }
        for (const toml::node& expert : *value.as_array()) {
            HEXCORE_TRY_VOID(read_expert(*expert.as_table()));
        }
        return {};
    }

    Result<void> read_expert(const toml::table& table) {
        HEXCORE_TRY(expert, read_expert_table(table, values_, folder_));
        const toml::source_region& place = table.get("name")->source();
        if (const auto other = made_.find_expert(expert.name)) {
            return values_.wrong(place, "name",
                                 fmt::format("\"{}\" is that of the expert in line {}, too",
                                             expert.name, places_[*other].begin.line));
        }
        if (made_.experts.size() >= experts_max) {
            return values_.wrong(
                place, "name",
                fmt::format("is that of one expert too many: there are {} at most", experts_max));
        }
        made_.experts.push_back(std::move(expert));
        places_.push_back(table.source());
        return {};
    }

    /// A router of several experts learns from two questions of each at least.
    Result<void> check_examples() const {
        std::vector<std::size_t> counts(made_.experts.size());
        for (const LabelledQuestion& question : made_.labelled_questions()) {
            counts[question.expert] += 1;
        }
        for (std::size_t expert = 0; expert < counts.size(); ++expert) {
            if (counts.size() > 1 && counts[expert] < 2) {
                return values_.wrong(
                    places_[expert], "[[expert]]",
                    fmt::format("{} has {}, and a choice among experts needs 2 of each at least",
                                made_.experts[expert].name, plural(counts[expert], "example")));
            }
        }
        return {};
    }

    const TomlValues& values_;
    std::filesystem::path folder_;
    std::vector<std::pair<std::string, toml::source_region>> questions_;  ///< files
    std::vector<toml::source_region> places_;                             ///< [expert]
    AssistantDescription made_;
};

}  // namespace

Result<AssistantDescription> parse_assistant(const std::string& text, const std::string& name,
                                             const std::filesystem::path& folder) {
    const TomlValues values(name);
    HEXCORE_TRY(root, values.parse(text));
    return AssistantReader(values, folder).read(root);
}

Result<AssistantDescription> read_assistant(const std::filesystem::path& file) {
    HEXCORE_TRY(text, read_text_file(file.string(), file.string()));
    return parse_assistant(text, file.string(), file.parent_path());
}

}  // namespace hexcore
