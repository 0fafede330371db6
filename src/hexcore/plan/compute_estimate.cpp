#include "hexcore/plan/compute_estimate.hpp"

#include <algorithm>

namespace hexcore {

ComputeEstimate estimate_compute(const ModelProfile& model, const ContextShape& context) {
    const std::uint64_t sequences = std::max(context.sequences, 1U);
    const std::uint64_t ubatch = std::min(context.ubatch.value(), context.tokens.value());
    std::uint64_t widest = 0;
    for (const LayerProfile& layer : model.layers) {
        widest = std::max(widest, layer.activations);
    }
    constexpr Bytes f32(4);
    constexpr Bytes f16(2);
    const Bytes mask = (f32 + f16) * (context.tokens.value() / sequences) * ubatch;
    const Bytes logits = f32 * model.n_vocab * sequences;
    ComputeEstimate estimate;
    estimate.layers = f32 * widest * ubatch + mask;
    estimate.output =
        saturating_subtract(logits + f32 * model.n_embd * sequences, f32 * widest * ubatch);
    estimate.host = f32 * model.n_embd * ubatch + mask + logits;
    for (Bytes* part : {&estimate.layers, &estimate.output, &estimate.host}) {
        *part *= model.contexts;
    }
    return estimate;
}

}  // namespace hexcore
