#include "hexcore/assistant/kept_embeddings.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "hexcore/assistant/kept_json.hpp"
#include "hexcore/base/state_home.hpp"

namespace hexcore {
namespace {

constexpr const char* kept_schema = "hexcore.read-questions/1";

bool is_embedding(const std::vector<float>& values, std::size_t width) {
    return values.size() == width &&
           std::ranges::all_of(values, [](float value) { return std::isfinite(value); });
}

}  // namespace

KeptEmbeddings::KeptEmbeddings(const std::string& key, std::size_t width) : key_(key) {
    const std::filesystem::path folder = cache_home();
    if (folder.empty()) {
        return;
    }
    file_ = folder / "routers" / (key + "-read.json");
    const nlohmann::json document = read_kept_json(file_, kept_schema, key);
    try {
        for (const auto& [question, values] : document.at("questions").items()) {
            auto embedding = values.get<std::vector<float>>();
            if (is_embedding(embedding, width)) {
                all_[question].values = std::move(embedding);
            }
        }
    } catch (const nlohmann::json::exception&) {
        all_.clear();  // one is missing, or of another kind
    }
}

const std::vector<float>* KeptEmbeddings::find(const std::string& question) {
    const auto found = all_.find(question);
    if (found == all_.end()) {
        return nullptr;
    }
    found->second.is_used = true;
    return &found->second.values;
}

const std::vector<float>& KeptEmbeddings::add(const std::string& question,
                                              std::vector<float> embedding) {
    ++added_;
    return (all_[question] = {std::move(embedding), true}).values;
}

Result<void> KeptEmbeddings::write() const {
    if (file_.empty()) {
        return {};
    }
    nlohmann::ordered_json questions = nlohmann::ordered_json::object();
    for (const auto& [question, kept] : all_) {
        if (kept.is_used) {
            questions[question] = kept.values;
        }
    }
    return write_kept_json(
        file_, {{"schema", kept_schema}, {"key", key_}, {"questions", std::move(questions)}});
}

}  // namespace hexcore
