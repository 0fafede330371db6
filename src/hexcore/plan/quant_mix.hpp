#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/plan/quant_type.hpp"

namespace hexcore {

/// What a matrix is for, as far as mixes of types tell matrices apart.
enum class MatrixUse {
    input,  ///< the token embedding
    output,
    attention_k,
    attention_v,
    attention_output,
    ffn_down,  ///< of experts, too
    other,
};

/// Where a matrix stands in its model.
struct MatrixPlace {
    MatrixUse use = MatrixUse::other;
    std::uint32_t layer = 0;
    std::uint32_t n_layers = 1;
    std::uint32_t n_experts = 0;
};

/// How the matrices of a file are stored: all in one type, or in one of the mixes by which
/// llama-quantize names files (Q4_K_M).
class QuantMix {
public:
    /// By ggml's name of a type or llama-quantize's of a mix, in any case of letters. Fails with
    /// ErrorCode::usage, naming what is known.
    [[nodiscard]] static Result<QuantMix> find(std::string_view name);
    [[nodiscard]] static std::vector<std::string> names();

    /// The type that llama-quantize chooses without an importance matrix, before it looks at the
    /// matrix's size: llama_tensor_get_type_impl in llama-quant.cpp.
    [[nodiscard]] QuantType type_of(const MatrixPlace& place) const;

    /// What a plan says about it.
    [[nodiscard]] std::string sentence() const;

private:
    enum class Kind { pure, q3_k_s, q3_k_m, q3_k_l, q4_k_s, q4_k_m, q5_k_s, q5_k_m };
    struct Named;
    static const std::vector<Named>& mixes();

    QuantMix(std::string name, Kind kind, QuantType base)
        : name_(std::move(name)), kind_(kind), base_(base) {}
    [[nodiscard]] std::string_view type_in_layer(const MatrixPlace& place) const;
    [[nodiscard]] std::string_view attention_v(const MatrixPlace& place) const;
    [[nodiscard]] std::string_view attention_output(bool eight_experts) const;
    [[nodiscard]] std::string_view ffn_down(const MatrixPlace& place) const;

    std::string name_;
    Kind kind_;
    QuantType base_;
};

}  // namespace hexcore
