#include "hexcore/assistant/logistic_regression.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <numeric>
#include <utility>

#include "hexcore/base/check.hpp"

namespace hexcore {
namespace {

using Vector = std::vector<double>;

double dot(const Vector& a, const Vector& b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

Vector stepped(const Vector& from, const Vector& direction, double length) {
    Vector to(from.size());
    for (std::size_t i = 0; i < from.size(); ++i) {
        to[i] = from[i] + length * direction[i];
    }
    return to;
}

struct Loss {
    double value = 0;
    Vector gradient;
};

/// In four sums, none of which waits for another.
double dot(std::span<const float> row, const double* weights) {
    double sums[4] = {};
    std::size_t i = 0;
    for (; i + 4 <= row.size(); i += 4) {
        sums[0] += weights[i] * static_cast<double>(row[i]);
        sums[1] += weights[i + 1] * static_cast<double>(row[i + 1]);
        sums[2] += weights[i + 2] * static_cast<double>(row[i + 2]);
        sums[3] += weights[i + 3] * static_cast<double>(row[i + 3]);
    }
    for (; i < row.size(); ++i) {
        sums[0] += weights[i] * static_cast<double>(row[i]);
    }
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

Loss loss_of(const LabelledRows& rows, std::size_t classes, double l2, const Vector& weights) {
    const std::size_t stride = rows.width + 1;
    Loss loss{.gradient = Vector(weights.size())};
    const LogisticRegression model(rows.width, classes, weights);
    const double share = 1.0 / static_cast<double>(std::max<std::size_t>(1, rows.size()));
    constexpr double least = 1e-300;
    for (std::size_t at = 0; at < rows.size(); ++at) {
        const std::span<const float> row = rows.row(at);
        const Vector p = model.probabilities(row);
        loss.value -= share * std::log(std::max(p[rows.classes[at]], least));
        for (std::size_t c = 0; c < classes; ++c) {
            const double error = share * (p[c] - (c == rows.classes[at] ? 1 : 0));
            double* gradient = loss.gradient.data() + c * stride;
            for (std::size_t i = 0; i < rows.width; ++i) {
                gradient[i] += error * static_cast<double>(row[i]);
            }
            gradient[rows.width] += error;
        }
    }
    for (std::size_t i = 0; i < weights.size(); ++i) {
        if (i % stride != rows.width) {  // biases are free
            loss.value += l2 / 2 * weights[i] * weights[i];
            loss.gradient[i] += l2 * weights[i];
        }
    }
    return loss;
}

/// The last steps, and how the gradient changed in each.
class Curvature {
public:
    void add(Vector step, Vector change) {
        const double both = dot(step, change);
        constexpr double least = 1e-12;
        if (both < least) {
            return;
        }
        constexpr std::size_t kept = 10;
        pairs_.push_back({std::move(step), std::move(change), 1 / both});
        if (pairs_.size() > kept) {
            pairs_.pop_front();
        }
    }

    /// Minus the inverse of the curvature times the gradient, by two loops over the steps.
    [[nodiscard]] Vector direction(const Vector& gradient) const {
        Vector q = stepped(gradient, gradient, -2);
        Vector shares(pairs_.size());
        for (std::size_t i = pairs_.size(); i-- > 0;) {
            shares[i] = pairs_[i].scale * dot(pairs_[i].step, q);
            q = stepped(q, pairs_[i].change, -shares[i]);
        }
        if (!pairs_.empty()) {
            const Pair& last = pairs_.back();
            const double scale = 1 / (last.scale * dot(last.change, last.change));
            for (double& value : q) {
                value *= scale;
            }
        }
        for (std::size_t i = 0; i < pairs_.size(); ++i) {
            const double back = pairs_[i].scale * dot(pairs_[i].change, q);
            q = stepped(q, pairs_[i].step, shares[i] - back);
        }
        return q;
    }

private:
    struct Pair {
        Vector step;
        Vector change;
        double scale = 0;
    };
    std::deque<Pair> pairs_;
};

}  // namespace

void LabelledRows::add(std::span<const float> row, std::size_t its_class) {
    HEXCORE_CHECK(classes.empty() || row.size() == width, row.size(), width);
    width = row.size();
    values.insert(values.end(), row.begin(), row.end());
    classes.push_back(its_class);
}

LabelledRows LabelledRows::at(std::span<const std::size_t> rows) const {
    LabelledRows some{.width = width, .values = {}, .classes = {}};
    for (const std::size_t index : rows) {
        some.add(row(index), classes[index]);
    }
    return some;
}

LogisticRegression::LogisticRegression(std::size_t width, std::size_t classes, Vector weights)
    : width_(width), classes_(classes), weights_(std::move(weights)) {
    HEXCORE_CHECK(weights_.size() == (width + 1) * classes, weights_.size(), width);
}

LogisticRegression LogisticRegression::fit(const LabelledRows& rows, std::size_t classes, double l2,
                                           const LogisticRegression* near,
                                           const std::atomic<bool>* stop) {
    constexpr int steps_most = 300;
    constexpr double flat = 1e-5;
    Vector weights = near != nullptr ? near->weights() : Vector((rows.width + 1) * classes);
    HEXCORE_CHECK(weights.size() == (rows.width + 1) * classes, weights.size(), rows.width);
    Loss loss = loss_of(rows, classes, l2, weights);
    Curvature curvature;
    const auto goes_on = [&] {
        return dot(loss.gradient, loss.gradient) > flat * flat &&
               (stop == nullptr || !stop->load());
    };
    for (int step = 0; step < steps_most && goes_on(); ++step) {
        const Vector direction = curvature.direction(loss.gradient);
        const double slope = dot(direction, loss.gradient);
        double length = 1;
        constexpr double shortest = 1e-10;
        constexpr double enough = 1e-4;  // of the decrease that the slope promises
        for (;; length /= 2) {
            Vector next = stepped(weights, direction, length);
            Loss next_loss = loss_of(rows, classes, l2, next);
            if (next_loss.value <= loss.value + enough * length * slope) {
                curvature.add(stepped(next, weights, -1),
                              stepped(next_loss.gradient, loss.gradient, -1));
                weights = std::move(next);
                loss = std::move(next_loss);
                break;
            }
            if (length < shortest) {
                return {rows.width, classes, std::move(weights)};
            }
        }
    }
    return {rows.width, classes, std::move(weights)};
}

Vector LogisticRegression::scores(std::span<const float> row) const {
    HEXCORE_CHECK(row.size() == width_, row.size(), width_);
    Vector scores(classes_);
    for (std::size_t c = 0; c < classes_; ++c) {
        const double* weights = weights_.data() + c * (width_ + 1);
        scores[c] = weights[width_] + dot(row, weights);
    }
    return scores;
}

Vector LogisticRegression::probabilities(std::span<const float> row, double temperature) const {
    return softmax(scores(row), temperature);
}

Vector softmax(std::span<const double> scores, double temperature) {
    Vector p(scores.begin(), scores.end());
    if (p.empty()) {
        return p;
    }
    const double most = *std::max_element(p.begin(), p.end());
    double sum = 0;
    for (double& value : p) {
        value = std::exp((value - most) / temperature);
        sum += value;
    }
    for (double& value : p) {
        value /= sum;
    }
    return p;
}

}  // namespace hexcore
