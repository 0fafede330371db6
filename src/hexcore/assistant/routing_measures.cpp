#include "hexcore/assistant/routing_measures.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace hexcore {

std::size_t most_likely(std::span<const double> probabilities) {
    return static_cast<std::size_t>(std::max_element(probabilities.begin(), probabilities.end()) -
                                    probabilities.begin());
}

RoutingMeasures measure_routing(std::span<const RoutedQuestion> questions, std::size_t experts) {
    struct Bin {
        double confidence = 0;
        std::size_t right = 0;
        std::size_t count = 0;
    };
    std::array<Bin, 10> bins;
    RoutingMeasures measures{.confusion = std::vector(experts, std::vector<std::size_t>(experts))};
    std::size_t right = 0;
    for (const RoutedQuestion& question : questions) {
        const std::size_t chosen = most_likely(question.probabilities);
        const double confidence = question.probabilities[chosen];
        const auto place = static_cast<std::size_t>(confidence * static_cast<double>(bins.size()));
        Bin& bin = bins[std::min(place, bins.size() - 1)];
        bin.confidence += confidence;
        bin.count += 1;
        bin.right += chosen == question.expert ? 1 : 0;
        right += chosen == question.expert ? 1 : 0;
        measures.confusion[question.expert][chosen] += 1;
    }
    const auto all = static_cast<double>(std::max<std::size_t>(1, questions.size()));
    measures.accuracy = static_cast<double>(right) / all;
    for (const Bin& bin : bins) {
        measures.calibration_error +=
            std::abs(bin.confidence - static_cast<double>(bin.right)) / all;
    }
    return measures;
}

}  // namespace hexcore
