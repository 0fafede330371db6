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

ggml_status InnerBackend::compute(ggml_cgraph& graph) {
    const std::lock_guard lock(mutex_);
    if (!start()) {
        return GGML_STATUS_FAILED;
    }
    if (ggml_backend_is_cpu(backend_.get())) {
        ggml_backend_cpu_set_n_threads(backend_.get(), n_threads_);
        ggml_backend_cpu_set_abort_callback(backend_.get(), abort_callback_, abort_data_);
    } else if (abort_callback_ != nullptr && abort_callback_(abort_data_)) {
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
    return ggml_gallocr_reserve(scratch_.get(), &graph);
}

bool InnerBackend::place_in_scratch(ggml_cgraph& graph) {
    const std::lock_guard lock(mutex_);
    return ggml_gallocr_alloc_graph(scratch_.get(), &graph);
}

void InnerBackend::set_abort_callback(ggml_abort_callback callback, void* data) {
    const std::lock_guard lock(mutex_);
    abort_callback_ = callback;
    abort_data_ = data;
}

}  // namespace hexcore
