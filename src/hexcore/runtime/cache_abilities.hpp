#pragma once

#include "hexcore/model/inventory.hpp"
#include "hexcore/plan/plan.hpp"

struct llama_context;

namespace hexcore {

/// What the cache of a context allows, real or of a dry run, that was made in this shape.
[[nodiscard]] CacheAbilities cache_abilities(const llama_context& context,
                                             const Inventory& inventory, const ContextShape& shape);

}  // namespace hexcore
