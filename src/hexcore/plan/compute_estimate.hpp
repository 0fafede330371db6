#pragma once

#include "hexcore/plan/plan.hpp"
#include "hexcore/plan/profile.hpp"

namespace hexcore {

/// Compute buffers by formula, for plans without a dry run; an estimate, and called one.
struct ComputeEstimate {
    /// On each device with layers: the activations of a ubatch in F32 at the widest layer, and the
    /// attention mask of a ubatch over one sequence's cells, F32 and its F16 copy.
    Bytes layers;
    /// More on the device of the output: final norm and logits of one output for each sequence in
    /// F32, as far as they are larger than what the layers' graph leaves to be used again.
    Bytes output;
    /// In host memory: the embedded ubatch, its inputs, and the logits as they are handed out.
    Bytes host;
};
[[nodiscard]] ComputeEstimate estimate_compute(const ModelProfile& model,
                                               const ContextShape& context);

}  // namespace hexcore
