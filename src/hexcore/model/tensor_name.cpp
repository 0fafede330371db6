#include "hexcore/model/tensor_name.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace hexcore {

namespace {

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

bool is_any_of(std::string_view text, std::initializer_list<std::string_view> choices) {
    return std::ranges::find(choices, text) != choices.end();
}

bool starts_with_any_of(std::string_view text, std::initializer_list<std::string_view> choices) {
    return std::ranges::any_of(choices,
                               [&](std::string_view start) { return text.starts_with(start); });
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

TensorRole role_in_layer(const TensorName& name, const std::array<std::int64_t, 4>& shape) {
    const std::string_view base = name.base;
    if (base.ends_with("_shexp")) {
        return TensorRole::shared_expert;
    }
    if (is_any_of(base, {"ffn_gate_exps", "ffn_up_exps", "ffn_down_exps", "ffn_gate_up_exps"})) {
        const bool is_merged = name.suffix == "weight" || shape[2] > 1;
        return is_merged ? TensorRole::expert : TensorRole::other;
    }
    if (is_any_of(base, {"ffn_gate_inp", "exp_probs_b", "exp_probs_b_vl", "ffn_gate_tid2eid"})) {
        return TensorRole::router;
    }
    if (contains(base, "norm") || base == "time_mix_ln") {
        return TensorRole::norm;
    }
    // Linear and recurrent attention take the place of attention in their layers.
    if (starts_with_any_of(base, {"attn_", "vis_attn_", "ssm_", "time_mix_", "shortconv", "indexer",
                                  "hc_attn_"})) {
        return TensorRole::attention;
    }
    if (is_any_of(base, {"ffn_gate", "ffn_up", "ffn_down", "vis_gate", "vis_up", "vis_down"}) ||
        base.starts_with("channel_mix_")) {
        return TensorRole::dense_ffn;
    }
    return TensorRole::other;
}

TensorRole role_outside_layers(std::string_view base) {
    if (contains(base, "norm")) {
        return TensorRole::norm;
    }
    if (is_any_of(base, {"token_embd", "position_embd", "token_types", "per_layer_token_embd"})) {
        return TensorRole::embedding;
    }
    if (is_any_of(base, {"output", "cls", "dense_2", "dense_3"}) || base.starts_with("output_")) {
        return TensorRole::output;
    }
    return TensorRole::other;
}

}  // namespace

TensorName parse_tensor_name(std::string_view name) {
    TensorName parts;
    constexpr std::string_view prefix = "blk.";
    if (name.starts_with(prefix)) {
        const std::string_view rest = name.substr(prefix.size());
        std::uint32_t number = 0;
        const char* end = rest.data() + rest.size();
        const auto [stop, error] = std::from_chars(rest.data(), end, number);
        if (stop != rest.data() && stop != end && *stop == '.') {
            const bool is_too_large = error == std::errc::result_out_of_range;
            parts.layer =
                LayerIndex(is_too_large ? std::numeric_limits<std::uint32_t>::max() : number);
            name = rest.substr(static_cast<std::size_t>(stop - rest.data()) + 1);
        }
    }
    const std::size_t dot = name.find('.');
    parts.base = name.substr(0, dot);
    parts.suffix = dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
    return parts;
}

TensorRole role_of(const TensorName& name, const std::array<std::int64_t, 4>& shape) {
    return name.layer ? role_in_layer(name, shape) : role_outside_layers(name.base);
}

bool is_unmerged_expert(const TensorName& name) {
    return name.layer && is_any_of(name.base, {"ffn_gate", "ffn_up", "ffn_down"}) &&
           !name.suffix.empty() && is_digit(name.suffix.front());
}

}  // namespace hexcore
