#include "hexcore/plan/quant_type.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>
#include <utility>

#include "hexcore/plan/profile.hpp"

namespace hexcore {
namespace {

// Block sizes from ggml's ggml-common.h (the block_* structs and their static_asserts).
constexpr std::array<QuantType, 28> types{{
    {"f32", 1, 4},       {"f16", 1, 2},      {"bf16", 1, 2},       {"q4_0", 32, 18},
    {"q4_1", 32, 20},    {"q5_0", 32, 22},   {"q5_1", 32, 24},     {"q8_0", 32, 34},
    {"mxfp4", 32, 17},   {"nvfp4", 64, 36},  {"q2_K", 256, 84},    {"q3_K", 256, 110},
    {"q4_K", 256, 144},  {"q5_K", 256, 176}, {"q6_K", 256, 210},   {"iq2_xxs", 256, 66},
    {"iq2_xs", 256, 74}, {"iq2_s", 256, 82}, {"iq3_xxs", 256, 98}, {"iq3_s", 256, 110},
    {"iq1_s", 256, 50},  {"iq1_m", 256, 56}, {"iq4_nl", 32, 18},   {"iq4_xs", 256, 136},
    {"tq1_0", 256, 54},  {"tq2_0", 256, 66}, {"q1_0", 128, 18},    {"q2_0", 64, 18},
}};

bool same_name(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
        return std::tolower(x) == std::tolower(y);
    });
}

const QuantType* find(std::string_view name) {
    const auto type = std::find_if(types.begin(), types.end(), [&](const QuantType& candidate) {
        return same_name(candidate.name, name);
    });
    return type == types.end() ? nullptr : &*type;
}

/// From tensor_type_fallback() of llama-quant.cpp.
std::string_view fallback_name(std::string_view name) {
    if (name == "q4_K") {
        return "q5_0";
    }
    if (name == "q5_K") {
        return "q5_1";
    }
    if (name == "q6_K") {
        return "q8_0";
    }
    if (name.starts_with("iq")) {
        return "iq4_nl";
    }
    return "q4_0";  // q2_K, q3_K and the ternary types
}

}  // namespace

std::vector<std::string> quant_names() {
    std::vector<std::string> names;
    std::transform(types.begin(), types.end(), std::back_inserter(names),
                   [](const QuantType& type) { return std::string(type.name); });
    return names;
}

Result<QuantType> find_quant_type(std::string_view name) {
    if (const QuantType* type = find(name)) {
        return *type;
    }
    std::string known;
    for (const QuantType& type : types) {
        known += fmt::format("{}{}", known.empty() ? "" : ", ", type.name);
    }
    return fail(ErrorCode::usage, "no element type '{}'; use one of {}", name, known);
}

QuantType type_for_rows(const QuantType& wanted, std::uint64_t row_elements) {
    if (row_elements % wanted.block_elements == 0) {
        return wanted;
    }
    if (wanted.block_elements > 32) {
        const QuantType& fallback = *find(fallback_name(wanted.name));
        if (row_elements % fallback.block_elements == 0) {
            return fallback;
        }
    }
    return *find("f16");
}

Bytes matrix_bytes(const QuantType& wanted, std::uint64_t row_elements, std::uint64_t rows) {
    const QuantType type = type_for_rows(wanted, row_elements);
    return Bytes(type.block_bytes) * (row_elements / type.block_elements) * rows;
}

}  // namespace hexcore
