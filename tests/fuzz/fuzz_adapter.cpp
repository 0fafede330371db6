// A libFuzzer target: one adapter from memory, read for a small model, and merged with itself.
// Besides not crashing, what is accepted must be usable: both halves of each pair inside the file
// and of the shapes that belong to the tensor, which the model has.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "fuzz/adapter_base.hpp"
#include "hexcore/base/check.hpp"
#include "hexcore/model/adapter_file.hpp"
#include "hexcore/model/inventory_parts.hpp"
#include "hexcore/model/merged_adapter.hpp"

namespace hexcore {
namespace {

Inventory base_model() {
    const std::string bytes = test::adapter_base().bytes();
    const MemorySource source(std::as_bytes(std::span(bytes)));
    std::vector<InventoryPart> parts;
    parts.push_back({"base.gguf", read_gguf_header(source).value()});
    return assemble_inventory(std::move(parts)).value();
}

void check_half(const TensorInfo& half, std::uint64_t file_size) {
    HEXCORE_CHECK(half.offset_bytes <= file_size, half.offset_bytes, file_size);
    HEXCORE_CHECK(half.bytes.count() <= file_size - half.offset_bytes, half.bytes.count(),
                  file_size);
    HEXCORE_CHECK(half.bytes > Bytes(0), half.name, half.type);
}

void check_pair(const AdapterPair& pair, const Inventory& base, std::uint64_t file_size) {
    const auto found = std::ranges::find(base.tensors, pair.base, &TensorInfo::name);
    HEXCORE_CHECK(found != base.tensors.end(), pair.base, "is no tensor of the model");
    HEXCORE_CHECK(pair.rank > 0, pair.base, pair.rank);
    HEXCORE_CHECK(pair.n_experts == found->n_experts, pair.n_experts, found->n_experts);
    const bool is_embedding = pair.role == TensorRole::embedding;
    const auto rank = static_cast<std::int64_t>(pair.rank);
    HEXCORE_CHECK(pair.a.shape[is_embedding ? 0 : 1] == rank, pair.a.shape[1], rank);
    HEXCORE_CHECK(pair.b.shape[0] == rank, pair.b.shape[0], rank);
    HEXCORE_CHECK(pair.a.shape[2] == found->shape[2], pair.a.shape[2], found->shape[2]);
    HEXCORE_CHECK(pair.b.shape[2] == found->shape[2], pair.b.shape[2], found->shape[2]);
    check_half(pair.a, file_size);
    check_half(pair.b, file_size);
}

void check_adapter(const AdapterFile& adapter, const Inventory& base, std::uint64_t file_size) {
    HEXCORE_CHECK(!adapter.pairs.empty(), adapter.name, "modifies nothing");
    HEXCORE_CHECK(std::isfinite(adapter.alpha), adapter.alpha, file_size);
    HEXCORE_CHECK(adapter.bytes().count() <= file_size, adapter.bytes().count(), file_size);
    const std::string* before = nullptr;
    for (const AdapterPair& pair : adapter.pairs) {
        HEXCORE_CHECK(before == nullptr || *before < pair.base, pair.base, "is out of its order");
        before = &pair.base;
        check_pair(pair, base, file_size);
    }
}

/// Equal ones are joined, two of them are stacked.
void check_merges(const AdapterFile& adapter) {
    AdapterFile other = adapter;
    other.content += "2";
    const std::vector<std::vector<ChosenAdapter>> equal(2, {{adapter, 1}});
    const std::vector<double> weights{0.5, 0.5};
    const auto joined = merged_adapters(equal, weights);
    HEXCORE_CHECK(joined && joined->size() == 1, "equal adapters", "are not joined");
    HEXCORE_CHECK(joined->front().key() == equal.front().front().key(), joined->front().key(),
                  equal.front().front().key());
    const std::vector<std::vector<ChosenAdapter>> different{{{adapter, 1}}, {{other, 1}}};
    const auto stacked = merged_adapters(different, weights);
    if (!stacked) {
        HEXCORE_CHECK(stacked.error().code == ErrorCode::does_not_fit, stacked.error().message, 2);
        HEXCORE_CHECK(adapter.rank() > max_merged_rank / 2, adapter.rank(), max_merged_rank);
        return;
    }
    HEXCORE_CHECK(stacked->front().file.pairs.size() == adapter.pairs.size(),
                  stacked->front().file.pairs.size(), adapter.pairs.size());
    for (std::size_t i = 0; i < adapter.pairs.size(); ++i) {
        HEXCORE_CHECK(stacked->front().file.pairs[i].rank == 2 * adapter.pairs[i].rank,
                      stacked->front().file.pairs[i].rank, adapter.pairs[i].rank);
    }
}

}  // namespace
}  // namespace hexcore

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace hexcore;
    static const Inventory base = base_model();
    const MemorySource source(std::as_bytes(std::span(data, size)));
    const auto adapter = read_adapter(source, base);
    if (!adapter) {
        HEXCORE_CHECK(adapter.error().code == ErrorCode::bad_input, adapter.error().message, size);
        HEXCORE_CHECK(adapter_problem(adapter.error()).has_value(), adapter.error().message, size);
        return 0;
    }
    check_adapter(*adapter, base, size);
    check_merges(*adapter);
    return 0;
}
