#include "hexcore/backend/inner_backend.hpp"

#include "ggml-cpu.h"
#include "hexcore/backend/device.hpp"

namespace hexcore {

InnerBackend::InnerBackend(Device& device)
    : device_(device), scratch_(ggml_gallocr_new(device.buffer_type())) {}

bool InnerBackend::start() {
    if (!backend_) {
        backend_.reset(device_.start_inner_backend());
    }
    return backend_ != nullptr;
}

ggml_status InnerBackend::compute(ggml_cgraph& graph, const ComputeOptions& options) {
    const std::lock_guard lock(mutex_);
    if (!start()) {
        return GGML_STATUS_FAILED;
    }
    if (ggml_backend_is_cpu(backend_.get())) {
        ggml_backend_cpu_set_n_threads(backend_.get(), options.n_threads);
        ggml_backend_cpu_set_abort_callback(backend_.get(), options.abort, options.abort_data);
    } else if (options.abort != nullptr && options.abort(options.abort_data)) {
        return GGML_STATUS_ABORTED;
    }
    return ggml_backend_graph_compute_async(backend_.get(), &graph);
}

void InnerBackend::synchronize() {
    const std::lock_guard lock(mutex_);
    if (backend_) {
        ggml_backend_synchronize(backend_.get());
    }
}

bool InnerBackend::reserve_scratch(ggml_cgraph& graph) {
    const std::lock_guard lock(mutex_);
    return kept(ggml_gallocr_reserve(scratch_.get(), &graph));
}

bool InnerBackend::place_in_scratch(ggml_cgraph& graph) {
    const std::lock_guard lock(mutex_);
    return kept(ggml_gallocr_alloc_graph(scratch_.get(), &graph));
}

bool InnerBackend::kept(bool allocated) {
    if (!allocated) {
        // An allocator that was refused takes itself for ready the next time.
        scratch_.reset(ggml_gallocr_new(device_.buffer_type()));
    }
    return allocated;
}

}  // namespace hexcore
