#pragma once

#include <string>

#include "hexcore/model/inventory.hpp"
#include "hexcore/plan/plan.hpp"
#include "hexcore/runtime/context_options.hpp"

struct llama_context;

namespace hexcore {

/// What keeps the keys in this context's cache from being moved to other positions, as sliding
/// does, in words; empty: nothing. Where it isn't empty, libllama must not be asked to.
[[nodiscard]] std::string obstacle_to_key_shift(const llama_context& context,
                                                const Inventory& inventory, KvType type);

/// Has libllama take what moves the keys of a context that is to slide, and can. False where that
/// is refused.
[[nodiscard]] bool reserve_planned_shift(llama_context& context, const ContextOptions& options,
                                         const Inventory& inventory, KvType type);

}  // namespace hexcore
