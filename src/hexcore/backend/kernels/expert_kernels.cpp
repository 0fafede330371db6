#include "hexcore/backend/kernels/expert_kernels.hpp"

#include <algorithm>
#include <string_view>

#include "hexcore/backend/device.hpp"
#include "hexcore/backend/execution/expert_region.hpp"

namespace hexcore {
namespace {

std::size_t padded(std::size_t bytes) { return (bytes + 255) / 256 * 256; }

}  // namespace

std::unique_ptr<ExpertKernels> ExpertKernels::create(Device& device) {
    ggml_backend_dev_t stock = device.stock_device();
    if (stock == nullptr ||
        ggml_backend_reg_name(ggml_backend_dev_backend_reg(stock)) != std::string_view("CUDA")) {
        return nullptr;
    }
    const KernelLibrary* library = KernelLibrary::find();
    return library == nullptr ? nullptr : std::make_unique<ExpertKernels>(*library, device);
}

ExpertKernels::~ExpertKernels() {
    if (engine_ != nullptr) {
        library_.close(engine_);
    }
}

void ExpertKernels::reserve(const ggml_cgraph& graph) {
    if (scratch_) {
        return;
    }
    for (int i = 0; i < graph.n_nodes; ++i) {
        const auto chain = find_expert_chain(graph, i);
        if (!chain || is_routed(*graph.nodes[i]) || library_.supports(&chain->shape) == 0) {
            continue;
        }
        kernel_bytes_ = std::max(kernel_bytes_, padded(library_.scratch_bytes(&chain->shape)));
        trial_bytes_ = std::max(
            trial_bytes_, padded(static_cast<std::size_t>(chain->shape.n_embd) * sizeof(float)));
        i = chain->last;
    }
    if (kernel_bytes_ > 0) {
        scratch_.reset(
            ggml_backend_buft_alloc_buffer(device_.buffer_type(), kernel_bytes_ + trial_bytes_));
    }
    if (scratch_) {
        ggml_backend_buffer_set_usage(scratch_.get(), GGML_BACKEND_BUFFER_USAGE_COMPUTE);
    }
}

float* ExpertKernels::trial_result() const {
    return reinterpret_cast<float*>(
        static_cast<std::byte*>(ggml_backend_buffer_get_base(scratch_.get())) + kernel_bytes_);
}

std::optional<bool> ExpertKernels::verdict(const hexcore_cuda_experts& experts) const {
    const auto found = verdicts_.find(experts.gate);
    return found == verdicts_.end() ? std::nullopt : std::optional(found->second);
}

bool ExpertKernels::open() {
    if (engine_ != nullptr || has_failed_ || !scratch_) {
        return engine_ != nullptr;
    }
    ggml_backend_buffer_clear(scratch_.get(), 0);
    const int error =
        library_.open(ggml_backend_buffer_get_base(scratch_.get()), kernel_bytes_, &engine_);
    has_failed_ = error != 0;
    return !has_failed_;
}

std::optional<hexcore_cuda_experts> ExpertKernels::usable(const ExpertChain& chain) {
    if (library_.supports(&chain.shape) == 0 || !open() ||
        library_.can_run(engine_, &chain.shape) == 0 ||
        static_cast<std::size_t>(chain.shape.n_embd) * sizeof(float) > trial_bytes_) {
        return std::nullopt;
    }
    return addresses_of(chain);
}

}  // namespace hexcore
