#include "hexcore/plan/quant_mix.hpp"

#include <algorithm>
#include <cctype>

#include "hexcore/plan/profile.hpp"

namespace hexcore {
namespace {

std::string upper(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return result;
}

/// The first and the last eighth of the layers, and every third between them.
bool has_more_bits(const MatrixPlace& place) {
    const std::uint32_t eighth = place.n_layers / 8;
    return place.layer < eighth || place.layer >= 7 * place.n_layers / 8 ||
           (place.layer - eighth) % 3 == 2;
}

}  // namespace

struct QuantMix::Named {
    const char* name;
    Kind kind;
    const char* base;
};

const std::vector<QuantMix::Named>& QuantMix::mixes() {
    static const std::vector<Named> all = {
        {"Q3_K_S", Kind::q3_k_s, "q3_K"}, {"Q3_K_M", Kind::q3_k_m, "q3_K"},
        {"Q3_K_L", Kind::q3_k_l, "q3_K"}, {"Q4_K_S", Kind::q4_k_s, "q4_K"},
        {"Q4_K_M", Kind::q4_k_m, "q4_K"}, {"Q5_K_S", Kind::q5_k_s, "q5_K"},
        {"Q5_K_M", Kind::q5_k_m, "q5_K"},
    };
    return all;
}

Result<QuantMix> QuantMix::find(std::string_view name) {
    const auto& all = mixes();
    const auto mix = std::find_if(all.begin(), all.end(),
                                  [&](const Named& each) { return each.name == upper(name); });
    if (mix != all.end()) {
        return QuantMix(mix->name, mix->kind, find_quant_type(mix->base).value());
    }
    HEXCORE_TRY(type, find_quant_type(name));
    return QuantMix(std::string(type.name), Kind::pure, type);
}

std::vector<std::string> QuantMix::names() {
    std::vector<std::string> names = quant_names();
    for (const Named& mix : mixes()) {
        names.emplace_back(mix.name);
    }
    return names;
}

QuantType QuantMix::type_of(const MatrixPlace& place) const {
    return kind_ == Kind::pure ? base_ : find_quant_type(type_in_layer(place)).value();
}

std::string_view QuantMix::type_in_layer(const MatrixPlace& place) const {
    const bool eight_experts = place.n_experts == 8;
    switch (place.use) {
        case MatrixUse::output:
            return "q6_K";
        case MatrixUse::attention_k:
            return eight_experts ? "q8_0" : base_.name;
        case MatrixUse::attention_v:
            return eight_experts ? "q8_0" : attention_v(place);
        case MatrixUse::attention_output:
            return attention_output(eight_experts);
        case MatrixUse::ffn_down:
            return ffn_down(place);
        case MatrixUse::input:
        case MatrixUse::other:
            return base_.name;
    }
    return base_.name;
}

std::string_view QuantMix::attention_v(const MatrixPlace& place) const {
    switch (kind_) {
        case Kind::q3_k_m:
            return place.layer < 2 ? "q5_K" : "q4_K";
        case Kind::q3_k_l:
            return "q5_K";
        case Kind::q4_k_s:
            return place.layer < 4 ? "q5_K" : base_.name;
        case Kind::q4_k_m:
        case Kind::q5_k_m:
            return has_more_bits(place) ? "q6_K" : base_.name;
        default:
            return base_.name;
    }
}

std::string_view QuantMix::attention_output(bool eight_experts) const {
    switch (kind_) {
        case Kind::q3_k_s:
        case Kind::q4_k_s:
        case Kind::q4_k_m:
            return eight_experts ? "q5_K" : base_.name;
        case Kind::q3_k_m:
            return eight_experts ? "q5_K" : "q4_K";
        case Kind::q3_k_l:
            return eight_experts ? base_.name : "q5_K";
        default:
            return base_.name;
    }
}

std::string_view QuantMix::ffn_down(const MatrixPlace& place) const {
    switch (kind_) {
        case Kind::q3_k_m:
            return place.layer < place.n_layers / 16 ? "q5_K" : "q4_K";
        case Kind::q3_k_l:
            return "q5_K";
        case Kind::q4_k_s:
            return place.layer < place.n_layers / 8 ? "q5_K" : base_.name;
        case Kind::q4_k_m:
        case Kind::q5_k_m:
            return has_more_bits(place) ? "q6_K" : base_.name;
        default:
            return base_.name;
    }
}

std::string QuantMix::sentence() const {
    if (kind_ != Kind::pure) {
        return fmt::format(
            "Sizes are those of the mix of types that llama-quantize chooses for {} "
            "without an importance matrix: most matrices are {}.",
            name_, base_.name);
    }
    const auto& all = mixes();
    const auto mix = std::find_if(all.begin(), all.end(), [&](const Named& each) {
        return each.base == base_.name && std::string_view(each.name).ends_with("_M");
    });
    return fmt::format("Sizes are those of all matrices in {}{}.", name_,
                       mix == all.end()
                           ? ""
                           : fmt::format("; for a file named {} ask for {}", mix->name, mix->name));
}

}  // namespace hexcore
