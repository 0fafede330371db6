#include "hexcore/runtime/cache_abilities.hpp"

#include "hexcore/runtime/key_shift.hpp"
#include "llama.h"

namespace hexcore {

CacheAbilities cache_abilities(const llama_context& context, const Inventory& inventory,
                               const ContextShape& shape) {
    const llama_model& model = *llama_get_model(&context);
    CacheAbilities abilities;
    abilities.why = obstacle_to_key_shift(context, inventory, shape.kv_type);
    abilities.slide = abilities.why.empty();
    if (llama_model_is_recurrent(&model) || llama_model_is_hybrid(&model)) {
        abilities.forget = Forgetting::all_or_none;
    } else if (llama_model_n_swa(&model) > 0) {
        abilities.forget = shape.swa_full ? Forgetting::in_cache : Forgetting::within_reach;
    }
    return abilities;
}

}  // namespace hexcore
