#include "hexcore/backend/experts/pinned_experts.hpp"

#include "hexcore/backend/machine.hpp"

namespace hexcore {

bool PinnedExperts::pin(const ggml_tensor& shard) {
    const DeviceSpec& spec = gpu_.machine().specs()[gpu_.id().value()];
    if (spec.kind != DeviceKind::cuda || gpu_.memory().is_simulated() || shard.buffer == nullptr) {
        return false;
    }
    const auto [at, is_new] = ranges_.try_emplace(shard.buffer);
    if (is_new) {
        at->second = PinnedRange::of(ggml_backend_buffer_get_base(shard.buffer),
                                     ggml_backend_buffer_get_size(shard.buffer), spec.cuda_index);
    }
    return at->second != nullptr;
}

}  // namespace hexcore
