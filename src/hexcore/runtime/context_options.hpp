#pragma once

#include <cstdint>

namespace hexcore {

/// What a context is to tell of each token.
enum class Outputs { logits, embeddings };

/// Whether sessions of a context may slide, which moves keys within the cache. A graph of its own
/// does that, whose compute buffer is taken while the model loads.
enum class KeyShift { never, planned };

/// What a context is made for, beyond the plan.
struct ContextOptions {
    std::uint32_t outputs = 1;  ///< tokens of one batch that something is wanted for, at most
    int threads = 0;            ///< 0: usable_cores()
    Outputs wanted = Outputs::logits;
    KeyShift shift = KeyShift::never;
};

}  // namespace hexcore
