#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace hexcore {

/// Rows of features, one after another, each with its class.
struct LabelledRows {
    std::size_t width = 0;
    std::vector<float> values;
    std::vector<std::size_t> classes;

    void add(std::span<const float> row, std::size_t its_class);
    [[nodiscard]] std::size_t size() const { return classes.size(); }
    [[nodiscard]] std::span<const float> row(std::size_t at) const {
        return std::span(values).subspan(at * width, width);
    }
    /// Some of them.
    [[nodiscard]] LabelledRows at(std::span<const std::size_t> rows) const;
};

/// Multinomial logistic regression: p = softmax(W x + b). Fitted by L-BFGS (Liu and Nocedal, 1989)
/// to the mean negative log-likelihood and l2/2 times the squared weights, without chance: the same
/// rows give the same weights.
class LogisticRegression {
public:
    LogisticRegression() = default;
    /// `weights`: for each class `width` weights, then its bias.
    LogisticRegression(std::size_t width, std::size_t classes, std::vector<double> weights);

    /// `classes`: how many there are. Rows may be none: all classes are as likely then. It is
    /// sooner there from weights `near` (null: zero) what comes of it. Once `stop` (null: never) is
    /// set, it gives up, and its weights are worth nothing.
    [[nodiscard]] static LogisticRegression fit(const LabelledRows& rows, std::size_t classes,
                                                double l2, const LogisticRegression* near = nullptr,
                                                const std::atomic<bool>* stop = nullptr);

    [[nodiscard]] std::size_t width() const { return width_; }
    [[nodiscard]] std::size_t classes() const { return classes_; }
    [[nodiscard]] const std::vector<double>& weights() const { return weights_; }

    /// W x + b; `row` has `width` values.
    [[nodiscard]] std::vector<double> scores(std::span<const float> row) const;
    /// Of a softmax at that temperature.
    [[nodiscard]] std::vector<double> probabilities(std::span<const float> row,
                                                    double temperature = 1) const;

private:
    std::size_t width_ = 0;
    std::size_t classes_ = 0;
    std::vector<double> weights_;
};

/// exp(s / temperature), made to sum to 1.
[[nodiscard]] std::vector<double> softmax(std::span<const double> scores, double temperature = 1);

}  // namespace hexcore
