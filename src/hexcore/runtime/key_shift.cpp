#include "hexcore/runtime/key_shift.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "hexcore/runtime/context_memory.hpp"
#include "llama.h"

namespace hexcore {
namespace {

/// libllama rotates quantised keys by a matrix besides, takes it away to move them and rotates them
/// again; where it does not rotate them, or only a part of each, it crashes on the way.
bool can_move_quantised(const llama_model& model, const Inventory& inventory) {
    constexpr std::uint32_t rotated = 64;
    std::array<char, 16> text{};
    const std::string key = inventory.architecture + ".rope.dimension_count";
    const bool is_known =
        llama_model_meta_val_str(&model, key.c_str(), text.data(), text.size()) > 0;
    const char* disabled = std::getenv("LLAMA_ATTN_ROT_DISABLE");
    return (disabled == nullptr || std::atoi(disabled) == 0) &&
           std::ranges::all_of(inventory.layers, [&](const LayerShape& layer) {
               return layer.head_size_k % rotated == 0 &&
                      layer.head_size_k == inventory.layers.front().head_size_k &&
                      (!is_known || std::to_string(layer.head_size_k) == text.data());
           });
}

/// A rotation that extends the context by YaRN, or has a factor of its own, scales what it rotates;
/// libllama rotates all keys when it moves some.
bool scales_keys(const llama_model& model, const Inventory& inventory) {
    const auto text_of = [&](const char* key) {
        std::array<char, 32> text{};
        const std::string full = inventory.architecture + key;
        return llama_model_meta_val_str(&model, full.c_str(), text.data(), text.size()) > 0
                   ? std::string(text.data())
                   : std::string();
    };
    const std::string type = text_of(".rope.scaling.type");
    return type == "yarn" || type == "longrope" || !text_of(".rope.scaling.attn_factor").empty();
}

}  // namespace

std::string obstacle_to_key_shift(const llama_context& context, const Inventory& inventory,
                                  KvType type) {
    const llama_model& model = *llama_get_model(&context);
    const llama_memory_t memory = llama_get_memory(&context);
    if (llama_model_is_recurrent(&model) || llama_model_is_hybrid(&model)) {
        return "recurrent layers have one state for all tokens";
    }
    if (llama_model_n_swa(&model) > 0) {
        return "layers with a sliding window have a cache of their own, whose keys are not moved";
    }
    if (memory == nullptr || !llama_memory_can_shift(memory) || !has_one_kv_cache(context)) {
        return "the positions of this architecture's keys cannot be moved";
    }
    if (scales_keys(model, inventory)) {
        return "its rotation scales keys, so that moving them would scale those of all sessions";
    }
    if (type != KvType::f16 && !can_move_quantised(model, inventory)) {
        return fmt::format("keys in {} cannot be moved with heads of this size", to_string(type));
    }
    return {};
}

bool reserve_planned_shift(llama_context& context, const ContextOptions& options,
                           const Inventory& inventory, KvType type) {
    const bool shifts = options.shift == KeyShift::planned && options.wanted == Outputs::logits &&
                        obstacle_to_key_shift(context, inventory, type).empty();
    return !shifts || reserve_key_shift(context);
}

}  // namespace hexcore
