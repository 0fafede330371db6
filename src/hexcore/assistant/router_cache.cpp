#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <nlohmann/json.hpp>
#include <system_error>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "hexcore/assistant/kept_json.hpp"
#include "hexcore/assistant/router.hpp"
#include "hexcore/base/state_home.hpp"

namespace hexcore {
namespace {

// Also of what a router makes of its examples: another number where that changes.
constexpr const char* router_schema = "hexcore.router/2";

template <typename Number>
bool are_finite(const std::vector<Number>& values) {
    return std::ranges::all_of(values, [](Number value) { return std::isfinite(value); });
}

/// Each part with its length before it, so that no two lists of parts are the same text.
class KeyParts {
public:
    void add(std::string_view part) { all_ += fmt::format("{}:{}\n", part.size(), part); }
    void add_reading(const RouterDescription& router) {
        add(router.system);
        for (const ShownQuestion& shown : router.shown) {
            add(shown.question);
            add(shown.kind);
        }
        add(router.instruction);
    }
    [[nodiscard]] std::string hash() const {
        const XXH128_hash_t hash = XXH3_128bits(all_.data(), all_.size());
        return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
    }

private:
    std::string all_;
};

}  // namespace

std::string reading_key(const AssistantDescription& assistant, const std::string& model_identity) {
    KeyParts parts;
    parts.add(model_identity);
    parts.add(assistant.name);
    parts.add_reading(assistant.router);
    return parts.hash();
}

std::string router_key(const AssistantDescription& assistant, const std::string& model_identity) {
    KeyParts parts;
    parts.add(router_schema);
    parts.add(model_identity);
    parts.add_reading(assistant.router);
    for (const ExpertDescription& expert : assistant.experts) {
        parts.add(expert.name);
        for (const std::string& keyword : expert.keywords) {
            parts.add(keyword);
        }
    }
    for (const LabelledQuestion& question : assistant.labelled_questions()) {
        parts.add(fmt::format("{}", question.expert));
        parts.add(question.text);
    }
    return parts.hash();
}

std::filesystem::path router_file(const std::string& key) {
    const std::filesystem::path folder = cache_home();
    return folder.empty() ? folder : folder / "routers" / (key + ".json");
}

Result<void> check_router_cache() {
    const std::filesystem::path folder = router_file("any").parent_path();
    if (folder.empty()) {
        return fail(ErrorCode::negative,
                    "what the router learns cannot be kept: the environment names no folder for "
                    "it; it learns anew each time");
    }
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (!error && ::access(folder.c_str(), W_OK | X_OK) != 0) {
        error = std::error_code(errno, std::generic_category());
    }
    if (error) {
        return fail(ErrorCode::negative,
                    "what the router learns cannot be kept in {}: {}; it learns anew each time",
                    folder.string(), error.message());
    }
    return {};
}

std::optional<Router> Router::read(const std::filesystem::path& file, const std::string& key) {
    const nlohmann::json document = read_kept_json(file, router_schema, key);
    try {
        Router router;
        document.at("means").get_to(router.means_);
        document.at("spreads").get_to(router.spreads_);
        document.at("centres").get_to(router.centres_);
        document.at("temperature").get_to(router.temperature_);
        document.at("l2").get_to(router.l2_);
        document.at("keyword_share").get_to(router.keyword_share_);
        const auto width = document.at("width").get<std::size_t>();
        auto weights = document.at("weights").get<std::vector<double>>();
        const std::size_t experts = router.centres_.size();
        bool is_whole =
            experts > 0 && router.means_.size() == router.spreads_.size() &&
            width >= router.means_.size() && width < (1U << 24U) &&
            weights.size() == (width + 1) * experts && router.temperature_ > 0 &&
            std::isfinite(router.keyword_share_) && are_finite(weights) &&
            are_finite(router.means_) && are_finite(router.spreads_) &&
            std::ranges::all_of(router.spreads_, [](float spread) { return spread > 0; });
        for (const auto& centre : router.centres_) {
            is_whole = is_whole && centre.size() == router.means_.size() && are_finite(centre);
        }
        if (!is_whole) {
            return std::nullopt;
        }
        router.model_ = LogisticRegression(width, experts, std::move(weights));
        return router;
    } catch (const nlohmann::json::exception&) {
        return std::nullopt;  // one is missing, or of another kind
    }
}

Result<void> Router::write(const std::filesystem::path& file, const std::string& key) const {
    return write_kept_json(file, {{"schema", router_schema},
                                  {"key", key},
                                  {"temperature", temperature_},
                                  {"l2", l2_},
                                  {"keyword_share", keyword_share_},
                                  {"width", model_.width()},
                                  {"means", means_},
                                  {"spreads", spreads_},
                                  {"centres", centres_},
                                  {"weights", model_.weights()}});
}

}  // namespace hexcore
