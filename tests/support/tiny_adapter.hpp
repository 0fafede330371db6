#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "hexcore/model/inventory.hpp"
#include "support/tiny_mixture.hpp"

namespace hexcore::test {

/// Writes an adapter of random numbers over the model's matrices that are asked for.
inline void write_tiny_adapter(const std::filesystem::path& path, const Inventory& base,
                               const std::function<bool(std::string_view name)>& is_wanted,
                               std::int64_t rank, std::uint32_t seed) {
    GgufBuilder file;
    file.key("general.type", "adapter")
        .key("general.architecture", base.architecture)
        .key("adapter.type", "lora")
        .key_f32("adapter.lora.alpha", 16.0F);
    for (const TensorInfo& tensor : base.tensors) {
        const auto& [columns, rows, experts, one] = tensor.shape;
        if (rows == 1 || !is_wanted(tensor.name)) {
            continue;
        }
        if (tensor.role == TensorRole::embedding) {
            file.tensor(tensor.name + ".lora_a", {rank, rows})
                .tensor(tensor.name + ".lora_b", {rank, columns});
        } else {
            file.tensor(tensor.name + ".lora_a", {columns, rank, experts})
                .tensor(tensor.name + ".lora_b", {rank, rows, experts});
        }
    }
    write_random(path, file, base.n_embd, seed);
}

}  // namespace hexcore::test
