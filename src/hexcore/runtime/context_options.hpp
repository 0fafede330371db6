#pragma once

#include <cstdint>
#include <vector>

#include "hexcore/model/adapter_file.hpp"

namespace hexcore {

class RoutingWatch;

/// What a context is to tell of each token.
enum class Outputs { logits, embeddings };

/// Whether sessions of a context may slide, which moves keys within the cache. A graph of its own
/// does that, whose compute buffer is taken while the model loads.
enum class KeyShift { never, planned };

/// Contexts of one model side by side.
inline constexpr std::size_t max_contexts = 16;

/// What may be there at a time of sets of adapters that take turns, beside those of the first
/// context.
struct ResidentAdapters {
    std::size_t sets = 0;  ///< 0: as many as are asked for
    Bytes bytes = {};      ///< of the adapters of all of them; 0: as many as fit
};

/// What a context is made for, beyond the plan.
struct ContextOptions {
    std::uint32_t outputs = 1;  ///< tokens of one batch that something is wanted for, at most
    int threads = 0;            ///< 0: usable_cores()
    Outputs wanted = Outputs::logits;
    KeyShift shift = KeyShift::never;
    /// Beside logits, the last hidden state of tokens can be asked for (Decoder::state()).
    bool states = false;
    /// Sees what routers choose; it must outlive the context. Null: nobody does.
    RoutingWatch* routing = nullptr;
    std::vector<ChosenAdapter> adapters = {};  ///< that are applied to all that it computes
    /// Further contexts of the same kind, each with other adapters.
    std::vector<std::vector<ChosenAdapter>> more_adapters = {};

    /// The adapters of each context, the first one among them.
    [[nodiscard]] std::vector<std::vector<ChosenAdapter>> adapter_sets() const {
        std::vector<std::vector<ChosenAdapter>> sets{adapters};
        sets.insert(sets.end(), more_adapters.begin(), more_adapters.end());
        return sets;
    }
};

}  // namespace hexcore
