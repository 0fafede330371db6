#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace hexcore {

/// What a router said of one question, and whose it was.
struct RoutedQuestion {
    std::size_t expert = 0;
    std::vector<double> probabilities;
};

/// The most likely one; the first of equals.
[[nodiscard]] std::size_t most_likely(std::span<const double> probabilities);

/// How good a router is on a test.
struct RoutingMeasures {
    double accuracy = 0;
    /// Expected calibration error (Naeini et al., 2015; Guo et al., 2017): over ten bins of the
    /// confidence, of equal width, the mean distance of confidence and accuracy, by questions.
    double calibration_error = 0;
    /// [whose it was][whom the router chose]
    std::vector<std::vector<std::size_t>> confusion;
};

[[nodiscard]] RoutingMeasures measure_routing(std::span<const RoutedQuestion> questions,
                                              std::size_t experts);

}  // namespace hexcore
