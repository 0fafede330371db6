// A libFuzzer target: one GGUF file from memory, read into an inventory. Besides not crashing, what
// is accepted must be usable: every tensor inside the file, every index inside its table.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "hexcore/base/check.hpp"
#include "hexcore/model/byte_source.hpp"
#include "hexcore/model/inventory_parts.hpp"

namespace hexcore {
namespace {

void check_tensor(const TensorInfo& tensor, const Inventory& model, std::uint64_t file_size) {
    HEXCORE_CHECK(tensor.offset_bytes <= file_size, tensor.offset_bytes, file_size);
    HEXCORE_CHECK(tensor.bytes.count() <= file_size - tensor.offset_bytes, tensor.bytes.count(),
                  file_size);
    HEXCORE_CHECK(tensor.bytes > Bytes(0), tensor.name, tensor.type);
    if (tensor.layer) {
        HEXCORE_CHECK(tensor.layer->value() < model.n_layers, tensor.layer->value(),
                      model.n_layers);
    }
    if (tensor.role == TensorRole::expert) {
        HEXCORE_CHECK(tensor.layer.has_value(), tensor.name, model.n_layers);
        HEXCORE_CHECK(tensor.n_experts > 0 && tensor.n_experts == model.n_experts, tensor.n_experts,
                      model.n_experts);
        HEXCORE_CHECK(tensor.bytes.count() % tensor.n_experts == 0, tensor.bytes.count(),
                      tensor.n_experts);
    }
}

void check_inventory(const Inventory& model, std::uint64_t file_size) {
    HEXCORE_CHECK(model.layers.size() == model.n_layers, model.layers.size(), model.n_layers);
    HEXCORE_CHECK(model.n_experts_used <= model.n_experts, model.n_experts_used, model.n_experts);
    for (const TensorInfo& tensor : model.tensors) {
        check_tensor(tensor, model, file_size);
    }
    HEXCORE_CHECK(model.total_bytes().count() <= file_size, model.total_bytes().count(), file_size);
    HEXCORE_CHECK(model.experts_bytes() <= model.total_bytes(), model.experts_bytes().count(),
                  model.total_bytes().count());
}

}  // namespace
}  // namespace hexcore

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace hexcore;
    const MemorySource source(std::as_bytes(std::span(data, size)));
    auto header = read_gguf_header(source);
    if (!header) {
        HEXCORE_CHECK(header.error().code == ErrorCode::bad_input, header.error().message, size);
        return 0;
    }
    std::vector<InventoryPart> parts;
    parts.push_back({"fuzz.gguf", std::move(*header)});
    const auto model = assemble_inventory(std::move(parts));
    if (!model) {
        HEXCORE_CHECK(model.error().code == ErrorCode::bad_input, model.error().message, size);
        return 0;
    }
    check_inventory(*model, size);
    return 0;
}
