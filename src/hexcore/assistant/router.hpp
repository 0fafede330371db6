#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hexcore/assistant/assistant_description.hpp"
#include "hexcore/assistant/logistic_regression.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {

/// A question as a router sees it: the base model's last hidden state, and keyword_features.hpp.
struct RouterInput {
    std::vector<float> embedding;
    std::vector<float> keywords;
};

/// Says how likely each expert is the one for a question. Without chance: the same examples make
/// the same router.
class Router {
public:
    /// Learns from examples, of which `experts[i]` is the expert of `examples[i]`. How much
    /// keywords count, how much the weights are held back, and how sure it may be (the
    /// temperature), is chosen by leaving a fifth of the examples out five times. All inputs have
    /// the same sizes; either part may be empty.
    [[nodiscard]] static Router fit(std::span<const RouterInput> examples,
                                    std::span<const std::size_t> experts, std::size_t n_experts);

    /// One for each expert, in sum 1.
    [[nodiscard]] std::vector<double> probabilities(const RouterInput& input) const;
    /// The mean of an expert's examples' embeddings, each of length 1 before: for weights by
    /// distance, and as a router to compare with.
    [[nodiscard]] const std::vector<float>& centre(std::size_t expert) const {
        return centres_[expert];
    }
    [[nodiscard]] std::size_t experts() const { return centres_.size(); }
    [[nodiscard]] std::size_t embedding_size() const { return means_.size(); }
    [[nodiscard]] double temperature() const { return temperature_; }
    [[nodiscard]] double l2() const { return l2_; }
    [[nodiscard]] double keyword_share() const { return keyword_share_; }

    /// The same, given up with ErrorCode::interrupted once `stop` (null: never) is set.
    [[nodiscard]] static Result<Router> fit_until(std::span<const RouterInput> examples,
                                                  std::span<const std::size_t> experts,
                                                  std::size_t n_experts,
                                                  const std::atomic<bool>* stop);
    /// Whether inputs of these sizes are what it learnt from.
    [[nodiscard]] bool takes(std::size_t embedding, std::size_t keywords) const {
        return embedding == means_.size() && embedding + keywords == model_.width();
    }

    /// Reads what write() wrote for the same key. Nothing: there is none, or it is not that, or it
    /// is damaged; it is to be made again.
    [[nodiscard]] static std::optional<Router> read(const std::filesystem::path& file,
                                                    const std::string& key);
    /// Fails with ErrorCode::negative where it cannot be written.
    [[nodiscard]] Result<void> write(const std::filesystem::path& file,
                                     const std::string& key) const;

private:
    [[nodiscard]] std::vector<float> row(const RouterInput& input) const;

    // An embedding's values lie about `means_`, and are divided by `spreads_`.
    std::vector<float> means_;
    std::vector<float> spreads_;
    std::vector<std::vector<float>> centres_;
    LogisticRegression model_;
    double keyword_share_ = 1;
    double temperature_ = 1;
    double l2_ = 0;
};

/// The expert whose centre has the smallest angle to an embedding: a router to compare with.
[[nodiscard]] std::size_t nearest_centre(const Router& router, std::span<const float> embedding);

/// What a router depends on, as a key: the model that embeds, the assistant's instruction, experts,
/// keywords and examples.
[[nodiscard]] std::string router_key(const AssistantDescription& assistant,
                                     const std::string& model_identity);
/// What an embedding of a question depends on beside the question, and for which assistant it is.
[[nodiscard]] std::string reading_key(const AssistantDescription& assistant,
                                      const std::string& model_identity);
/// Where a router of that key is kept: `routers/KEY.json` in cache_home(); empty: nowhere.
[[nodiscard]] std::filesystem::path router_file(const std::string& key);
/// Whether routers can be kept there; fails with ErrorCode::negative, and why not.
[[nodiscard]] Result<void> check_router_cache();

}  // namespace hexcore
