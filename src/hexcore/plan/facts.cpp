#include "hexcore/plan/facts.hpp"

#include <utility>

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

ModelFacts ModelFacts::with_adapters_within() const {
    ModelFacts whole = *this;
    whole.input += std::exchange(whole.input_adapters, {});
    whole.output += std::exchange(whole.output_adapters, {});
    for (LayerFacts& layer : whole.layers) {
        layer.weights += std::exchange(layer.adapters, {});
        layer.expert += std::exchange(layer.expert_adapters, {});
    }
    return whole;
}

}  // namespace hexcore
