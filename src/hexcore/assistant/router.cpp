#include "hexcore/assistant/router.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "hexcore/assistant/routing_measures.hpp"
#include "hexcore/base/check.hpp"

namespace hexcore {
namespace {

constexpr std::size_t n_folds = 5;
constexpr std::array<double, 6> l2_candidates{1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3};
// How much keywords count beside the model's state.
constexpr std::array<double, 3> keyword_candidates{0.1, 0.3, 1};
// From sure of itself to doubtful.
constexpr double temperature_least = 0.25;
constexpr double temperature_most = 4;
constexpr double temperature_step = 1.05;

double length_of(std::span<const float> vector) {
    double sum = 0;
    for (const float value : vector) {
        sum += static_cast<double>(value) * static_cast<double>(value);
    }
    return std::sqrt(sum);
}

/// What a model says of rows that it was not fitted to.
struct HeldOut {
    std::vector<std::vector<double>> scores;
    std::vector<std::size_t> experts;

    [[nodiscard]] double loss(double temperature) const {
        constexpr double least = 1e-300;
        double sum = 0;
        for (std::size_t i = 0; i < scores.size(); ++i) {
            sum -= std::log(std::max(softmax(scores[i], temperature)[experts[i]], least));
        }
        return sum;
    }
};

/// The rows of each fold, from every expert as many.
std::array<std::vector<std::size_t>, n_folds> folds_of(std::span<const std::size_t> experts,
                                                       std::size_t n_experts) {
    std::array<std::vector<std::size_t>, n_folds> rows;
    std::vector<std::size_t> seen(n_experts);
    for (std::size_t at = 0; at < experts.size(); ++at) {
        rows[seen[experts[at]]++ % n_folds].push_back(at);
    }
    return rows;
}

/// For each of l2_candidates.
using AllHeldOut = std::array<HeldOut, l2_candidates.size()>;

AllHeldOut hold_out(const LabelledRows& rows, std::size_t n_experts,
                    const std::atomic<bool>* stop) {
    const auto parts = folds_of(rows.classes, n_experts);
    AllHeldOut held;
    for (std::size_t fold = 0; fold < n_folds; ++fold) {
        std::vector<std::size_t> others;
        for (std::size_t other = 0; other < n_folds; ++other) {
            if (other != fold) {
                others.insert(others.end(), parts[other].begin(), parts[other].end());
            }
        }
        if (others.empty() || parts[fold].empty()) {
            continue;
        }
        const LabelledRows learnt = rows.at(others);
        std::optional<LogisticRegression> model;
        for (std::size_t i = l2_candidates.size(); i-- > 0;) {
            model = LogisticRegression::fit(learnt, n_experts, l2_candidates[i],
                                            model ? &*model : nullptr, stop);
            for (const std::size_t at : parts[fold]) {
                held[i].scores.push_back(model->scores(rows.row(at)));
                held[i].experts.push_back(rows.classes[at]);
            }
        }
    }
    return held;
}

struct FitChoice {
    double l2 = l2_candidates.front();
    double temperature = 1;
    double loss = std::numeric_limits<double>::infinity();
};

FitChoice choose_fit(const LabelledRows& rows, std::size_t n_experts,
                     const std::atomic<bool>* stop) {
    FitChoice best;
    const AllHeldOut all = hold_out(rows, n_experts, stop);
    for (std::size_t i = 0; i < all.size(); ++i) {
        for (double temperature = temperature_least; temperature <= temperature_most;
             temperature *= temperature_step) {
            const double loss = all[i].loss(temperature);
            if (loss < best.loss) {
                best = {l2_candidates[i], temperature, loss};
            }
        }
    }
    return best;
}

}  // namespace

std::vector<float> Router::row(const RouterInput& input) const {
    HEXCORE_CHECK(input.embedding.size() == means_.size(), input.embedding.size(), means_.size());
    std::vector<float> row;
    row.reserve(means_.size() + input.keywords.size());
    // Together as long as some keywords, however many there are.
    const auto share = static_cast<float>(
        1 / std::sqrt(static_cast<double>(std::max<std::size_t>(1, means_.size()))));
    for (std::size_t i = 0; i < means_.size(); ++i) {
        row.push_back((input.embedding[i] - means_[i]) / spreads_[i] * share);
    }
    for (const float keyword : input.keywords) {
        row.push_back(keyword * static_cast<float>(keyword_share_));
    }
    return row;
}

Router Router::fit(std::span<const RouterInput> examples, std::span<const std::size_t> experts,
                   std::size_t n_experts) {
    return *fit_until(examples, experts, n_experts, nullptr);
}

Result<Router> Router::fit_until(std::span<const RouterInput> examples,
                                 std::span<const std::size_t> experts, std::size_t n_experts,
                                 const std::atomic<bool>* stop) {
    HEXCORE_CHECK(examples.size() == experts.size(), examples.size(), experts.size());
    Router router;
    const std::size_t width = examples.empty() ? 0 : examples.front().embedding.size();
    const double count = static_cast<double>(std::max<std::size_t>(1, examples.size()));
    router.centres_.assign(n_experts, std::vector<float>(width));
    std::vector<double> sums(width);
    std::vector<double> squares(width);
    for (std::size_t at = 0; at < examples.size(); ++at) {
        const std::vector<float>& embedding = examples[at].embedding;
        HEXCORE_CHECK(embedding.size() == width, embedding.size(), width);
        const double length = std::max(length_of(embedding), 1e-12);
        const auto of_expert = std::count(experts.begin(), experts.end(), experts[at]);
        for (std::size_t i = 0; i < width; ++i) {
            const auto value = static_cast<double>(embedding[i]);
            sums[i] += value;
            squares[i] += value * value;
            router.centres_[experts[at]][i] +=
                static_cast<float>(value / length / static_cast<double>(of_expert));
        }
    }
    for (std::size_t i = 0; i < width; ++i) {
        const double mean = sums[i] / count;
        const double variance = std::max(squares[i] / count - mean * mean, 0.0);
        router.means_.push_back(static_cast<float>(mean));
        router.spreads_.push_back(variance > 1e-12 ? static_cast<float>(std::sqrt(variance)) : 1);
    }
    FitChoice best;
    LabelledRows best_rows;
    const bool has_both = width > 0 && !examples.empty() && !examples.front().keywords.empty();
    for (const double share : keyword_candidates) {
        if (!has_both && share != keyword_candidates.back()) {
            continue;
        }
        Router tried = router;
        tried.keyword_share_ = share;
        LabelledRows rows;
        for (std::size_t at = 0; at < examples.size(); ++at) {
            rows.add(tried.row(examples[at]), experts[at]);
        }
        const FitChoice choice = choose_fit(rows, n_experts, stop);
        if (choice.loss < best.loss || best_rows.size() == 0) {
            best = choice;
            best_rows = std::move(rows);
            router.keyword_share_ = share;
        }
    }
    router.l2_ = best.l2;
    router.temperature_ = best.temperature;
    router.model_ = LogisticRegression::fit(best_rows, n_experts, best.l2, nullptr, stop);
    if (stop != nullptr && stop->load()) {
        return fail(ErrorCode::interrupted, "interrupted while a router was fitted");
    }
    return router;
}

std::vector<double> Router::probabilities(const RouterInput& input) const {
    return model_.probabilities(row(input), temperature_);
}

std::size_t nearest_centre(const Router& router, std::span<const float> embedding) {
    std::vector<double> nearness;
    for (std::size_t expert = 0; expert < router.experts(); ++expert) {
        const std::vector<float>& centre = router.centre(expert);
        double product = 0;
        for (std::size_t i = 0; i < std::min(centre.size(), embedding.size()); ++i) {
            product += static_cast<double>(centre[i]) * static_cast<double>(embedding[i]);
        }
        nearness.push_back(product / std::max(length_of(centre), 1e-12));
    }
    return most_likely(nearness);
}

}  // namespace hexcore
