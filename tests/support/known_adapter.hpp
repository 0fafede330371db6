#pragma once

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "hexcore/model/inventory.hpp"
#include "support/tiny_mixture.hpp"

namespace hexcore::test {

/// The logit of token `to` grows by `factor` times that of token `from` without the adapter.
struct LogitShift {
    std::uint32_t from = 0;
    std::uint32_t to = 0;
    float factor = 0;
};

/// Writes an adapter whose effect is known: with it and a scale s, each logit is that of the model
/// without plus the sum of s * factor * logit[from] over the shifts to it. Each row of its A is a
/// row of the output, which is F32 in write_tiny_mixture()'s files. Hidden states, keys and values
/// are what they are without.
inline void write_known_adapter(const std::filesystem::path& path,
                                const std::filesystem::path& model, const Inventory& base,
                                const std::vector<LogitShift>& shifts) {
    const auto output = std::ranges::find(base.tensors, "output.weight", &TensorInfo::name);
    HEXCORE_CHECK(output != base.tensors.end() && output->type == "f32", base.name,
                  "has no output in F32");
    const auto columns = static_cast<std::size_t>(output->shape[0]);
    const auto vocabulary = static_cast<std::size_t>(output->shape[1]);
    const std::size_t rank = shifts.size();
    GgufBuilder file;
    file.key("general.type", "adapter")
        .key("general.architecture", base.architecture)
        .key("adapter.type", "lora")
        .tensor("output.weight.lora_a", {output->shape[0], static_cast<std::int64_t>(rank)})
        .tensor("output.weight.lora_b", {static_cast<std::int64_t>(rank), output->shape[1]});
    std::string bytes = file.bytes();
    const std::size_t b_at = bytes.size() - GgufBuilder::padded(rank * vocabulary * sizeof(float));
    const std::size_t a_at = b_at - GgufBuilder::padded(rank * columns * sizeof(float));
    std::ifstream weights(model, std::ios::binary);
    for (std::size_t i = 0; i < rank; ++i) {
        const LogitShift& shift = shifts[i];
        HEXCORE_CHECK(shift.from < vocabulary && shift.to < vocabulary, shift.from, shift.to);
        const std::size_t row_bytes = columns * sizeof(float);
        weights.seekg(static_cast<std::streamoff>(output->offset_bytes + shift.from * row_bytes));
        weights.read(bytes.data() + a_at + i * row_bytes, static_cast<std::streamsize>(row_bytes));
        std::memcpy(bytes.data() + b_at + (shift.to * rank + i) * sizeof(float), &shift.factor,
                    sizeof(shift.factor));
    }
    HEXCORE_CHECK(weights.good(), model.string(), base.name);
    GgufBuilder::write_file(path, bytes);
}

}  // namespace hexcore::test
