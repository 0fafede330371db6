#include "hexcore/backend/experts/named_experts.hpp"

#include "hexcore/backend/machine.hpp"

namespace hexcore {
namespace {

/// Where the experts of a tensor go that is placed by its name; null for an ordinary tensor.
const ExpertMap* map_of(const Device& device, const ggml_tensor& tensor) {
    const ExpertLayout& layout = device.machine().layout();
    return layout.goes_by_name() && tensor.op == GGML_OP_NONE && tensor.view_src == nullptr
               ? layout.map_by_name(without_adapter_suffix(tensor.name), tensor.ne[2])
               : nullptr;
}

}  // namespace

NamedExperts::NamedExperts(Device& device)
    : device_(device), shards_(device.machine(), device.id()) {}

std::optional<std::size_t> NamedExperts::alloc_size(const Device& device,
                                                    const ggml_tensor& tensor) {
    if (map_of(device, tensor) == nullptr) {
        return std::nullopt;
    }
    // ggml makes no buffer of no bytes, and an adapter can be of nothing else.
    return is_merged_expert_name(tensor.name) ? 0 : 1;
}

std::optional<ggml_status> NamedExperts::init_tensor(ggml_tensor& tensor) {
    if (tensor.buffer->usage == GGML_BACKEND_BUFFER_USAGE_COMPUTE) {
        return std::nullopt;  // asked for every node of every graph
    }
    if (tensor.view_src != nullptr) {
        if (sharded(tensor.view_src) == nullptr) {
            return std::nullopt;
        }
        tensor.extra = tensor.view_src->extra;
        return GGML_STATUS_SUCCESS;
    }
    if (const ExpertMap* map = map_of(device_, tensor)) {
        return shards_.place_apart(tensor, *map);
    }
    if (!is_merged_expert_name(tensor.name)) {
        return std::nullopt;
    }
    device_.memory().ledger().refuse(
        {ErrorCode::bad_input,
         fmt::format("the plan is for another model: it has no layer of {} experts for {}",
                     tensor.ne[2], tensor.name),
         {{Change::plan_again}}});
    return GGML_STATUS_FAILED;
}

}  // namespace hexcore
