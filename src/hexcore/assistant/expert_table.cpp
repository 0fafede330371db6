#include "hexcore/assistant/expert_table.hpp"

#include <algorithm>
#include <utility>

namespace hexcore {
namespace {

/// Where an expert stands.
struct ExpertPlace {
    const TomlValues& values;
    const std::filesystem::path& folder;
};

Result<void> read_expert_sampling(ExpertDescription& expert, const toml::key& key,
                                  const toml::node& value, const TomlValues& values) {
    ExpertSampling& sampling = expert.sampling;
    const std::string_view name = key.str();
    if (name == "top_k") {
        std::uint32_t top_k = 0;
        HEXCORE_TRY_VOID(values.count_into(top_k, name, value));
        sampling.top_k = static_cast<std::int32_t>(top_k);
        return {};
    }
    std::optional<float>* into = name == "temperature"      ? &sampling.temperature
                                 : name == "top_p"          ? &sampling.top_p
                                 : name == "min_p"          ? &sampling.min_p
                                 : name == "repeat_penalty" ? &sampling.repeat_penalty
                                                            : nullptr;
    if (into == nullptr) {
        return values.wrong(key.source(), name,
                            "is unknown in sampling, which has temperature, top_p, top_k, "
                            "min_p and repeat_penalty");
    }
    constexpr double hottest = 10;
    const bool is_share = name == "top_p" || name == "min_p";
    // What logits are divided by.
    const double least = name == "repeat_penalty" ? 1e-6 : 0;
    HEXCORE_TRY(number, values.number(name, value, least, is_share ? 1 : hottest));
    *into = static_cast<float>(number);
    return {};
}

Result<void> read_expert_adapter(ExpertDescription& expert, const toml::key& key,
                                 const toml::node& value, const ExpertPlace& at) {
    constexpr double largest = 100;
    if (!expert.adapter) {
        expert.adapter.emplace();
    }
    if (key.str() == "file") {
        HEXCORE_TRY(text, at.values.text("file", value));
        expert.adapter->file = at.folder / text;
    } else if (key.str() == "scale") {
        HEXCORE_TRY(number, at.values.number("scale", value, -largest, largest));
        expert.adapter->scale = static_cast<float>(number);
    } else {
        return at.values.wrong(key.source(), key.str(),
                               "is unknown in adapter, which has file and scale");
    }
    return {};
}

Result<void> read_expert_key(ExpertDescription& expert, const toml::key& key,
                             const toml::node& value, const ExpertPlace& at) {
    const std::string_view name = key.str();
    if (name == "name") {
        return {};
    }
    if (name == "description" || name == "system") {
        return at.values.text_into(name == "system" ? expert.system : expert.description, name,
                                   value);
    }
    if (name == "examples" || name == "keywords") {
        return at.values.texts_into(name == "examples" ? expert.examples : expert.keywords, name,
                                    value);
    }
    if ((name == "sampling" || name == "adapter") && value.is_table()) {
        for (const auto& [inner_key, inner] : *value.as_table()) {
            HEXCORE_TRY_VOID(name == "sampling"
                                 ? read_expert_sampling(expert, inner_key, inner, at.values)
                                 : read_expert_adapter(expert, inner_key, inner, at));
        }
        if (expert.adapter && expert.adapter->file.empty()) {
            return at.values.wrong(value.source(), name, "has no file");
        }
        return {};
    }
    if (name == "sampling" || name == "adapter") {
        return at.values.wrong(value.source(), name, "is a table");
    }
    return at.values.wrong(key.source(), name,
                           "is unknown in an [[expert]], which has name, description, system, "
                           "examples, keywords, sampling and adapter");
}

}  // namespace

bool is_name_of(std::string_view name, std::string_view others) {
    constexpr std::size_t longest = 32;
    return !name.empty() && name.size() <= longest &&
           std::all_of(name.begin(), name.end(), [&](char letter) {
               return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') ||
                      others.find(letter) != std::string_view::npos;
           });
}

Result<ExpertDescription> read_expert_table(const toml::table& table, const TomlValues& values,
                                            const std::filesystem::path& folder) {
    for (const char* key : {"name", "description", "system"}) {
        if (table.get(key) == nullptr) {
            return values.wrong(table.source(), "[[expert]]", fmt::format("has no {}", key));
        }
    }
    ExpertDescription expert;
    HEXCORE_TRY(name, values.text("name", *table.get("name")));
    if (!is_name_of(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_-")) {
        return values.wrong(table.get("name")->source(), "name",
                            "has 1 to 32 letters, digits, underscores and hyphens");
    }
    expert.name = std::move(name);
    for (const auto& [key, value] : table) {
        HEXCORE_TRY_VOID(read_expert_key(expert, key, value, {values, folder}));
    }
    return expert;
}

}  // namespace hexcore
