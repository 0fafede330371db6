#include "hexcore/plan/facts.hpp"

namespace hexcore {

Bytes ModelFacts::experts_bytes() const {
    Bytes sum;
    for (const LayerFacts& layer : layers) {
        sum += layer.expert * layer.n_experts;
    }
    return sum;
}

Bytes ModelFacts::total_bytes() const {
    Bytes sum = input + output + experts_bytes();
    for (const LayerFacts& layer : layers) {
        sum += layer.weights;
    }
    return sum;
}

}  // namespace hexcore
