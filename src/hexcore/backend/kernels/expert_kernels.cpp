#include "hexcore/backend/kernels/expert_kernels.hpp"

#include <algorithm>
#include <string_view>

#include "hexcore/backend/device.hpp"

namespace hexcore {
namespace {

/// Makes `bytes` enough for `needed`, to the next border; says whether it wasn't.
bool grow(std::size_t& bytes, std::size_t needed) {
    const std::size_t padded = (needed + 255) / 256 * 256;
    const bool grows = padded > bytes;
    bytes = std::max(bytes, padded);
    return grows;
}

std::size_t bytes_of_result(int n_embd, int n_tokens) {
    return static_cast<std::size_t>(n_embd) * static_cast<std::size_t>(n_tokens) * sizeof(float);
}

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

void ExpertKernels::reserve(const hexcore_cuda_shape& shape, bool shared) {
    if (engine_ != nullptr || has_failed_) {
        return;  // it is in use; what doesn't fit is left to ggml
    }
    bool grows = grow(kernel_bytes_, library_.scratch_bytes(&shape));
    grows = grow(trial_bytes_, bytes_of_result(shape.n_embd, HEXCORE_CUDA_MOST_TOKENS)) || grows;
    grows = (shared && grow(box_bytes_, library_.box_bytes(&shape))) || grows;
    if (!grows) {
        return;
    }
    scratch_.reset();
    scratch_.reset(ggml_backend_buft_alloc_buffer(device_.buffer_type(),
                                                  kernel_bytes_ + box_bytes_ + trial_bytes_));
    if (scratch_) {
        ggml_backend_buffer_set_usage(scratch_.get(), GGML_BACKEND_BUFFER_USAGE_COMPUTE);
    }
}

float* ExpertKernels::trial_result(const hexcore_cuda_shape& shape) const {
    if (!scratch_ || bytes_of_result(shape.n_embd, shape.n_tokens) > trial_bytes_) {
        return nullptr;
    }
    return reinterpret_cast<float*>(
        static_cast<std::byte*>(ggml_backend_buffer_get_base(scratch_.get())) + kernel_bytes_ +
        box_bytes_);
}

hexcore_cuda_engine* ExpertKernels::engine() {
    if (engine_ != nullptr || has_failed_ || !scratch_) {
        return engine_;
    }
    ggml_backend_buffer_clear(scratch_.get(), 0);
    auto* const base = static_cast<std::byte*>(ggml_backend_buffer_get_base(scratch_.get()));
    has_failed_ =
        library_.open(base, kernel_bytes_, box_bytes_ > 0 ? base + kernel_bytes_ : nullptr,
                      box_bytes_, &engine_) != 0;
    return engine_;
}

}  // namespace hexcore
