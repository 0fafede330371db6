#include "hexcore/serve/served_names.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

/// Between an assistant and its expert; neither may have one in its name.
constexpr char name_separator = ':';

Json entry_json(const Plan& plan, std::string id, const std::string& description) {
    Json json = {{"id", std::move(id)},
                 {"context_tokens", plan.context.tokens.value() / plan.context.sequences},
                 {"sequences", plan.context.sequences}};
    if (!description.empty()) {
        json["description"] = description;
    }
    return json;
}

}  // namespace

Json models_json(const Plan& plan, const AssistantDescription* assistant) {
    Json all = Json::array({entry_json(plan, plan.model_name, {})});
    if (assistant == nullptr) {
        return all;
    }
    all.push_back(entry_json(plan, assistant->name, assistant->description));
    for (const ExpertDescription& expert : assistant->experts) {
        all.push_back(
            entry_json(plan, fmt::format("{}{}{}", assistant->name, name_separator, expert.name),
                       expert.description));
    }
    return all;
}

Asked<Addressee> find_addressee(std::string_view name, const Plan& plan,
                                const AssistantDescription* assistant) {
    if (assistant == nullptr || !name.starts_with(assistant->name)) {
        return Addressee{};
    }
    const bool is_of_model = name == plan.model_name && name != assistant->name;
    name.remove_prefix(assistant->name.size());
    if (name.empty()) {
        return Addressee{.is_assistant = true};
    }
    if (is_of_model || name.front() != name_separator) {
        return Addressee{};
    }
    name.remove_prefix(1);
    const auto expert = assistant->find_expert(name);
    if (!expert) {
        return tl::unexpected(
            ApiError{.status = 404,
                     .message = fmt::format("{} has no expert {}; it has {}", assistant->name, name,
                                            assistant->expert_names()),
                     .param = "model",
                     .code = "model_not_found"});
    }
    return Addressee{.is_assistant = true, .expert = expert};
}

}  // namespace hexcore
