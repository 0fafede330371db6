#include "hexcore/backend/execution/inner_backend.hpp"

#include "ggml-cpu.h"
#include "hexcore/backend/device.hpp"
#include "hexcore/backend/kernels/token_graph.hpp"
#include "hexcore/backend/memory/device_buffer.hpp"

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

ggml_status InnerBackend::compute(TokenGraph& graph, const ComputeOptions& options) {
    const std::lock_guard lock(mutex_);
    if (!start()) {
        return GGML_STATUS_FAILED;
    }
    if (options.abort != nullptr && options.abort(options.abort_data)) {
        return GGML_STATUS_ABORTED;
    }
    // Held until the token's experts in main memory are computed, too: others of this device wait.
    return graph.compute(backend_.get(), options);
}

void InnerBackend::synchronize() {
    const std::lock_guard lock(mutex_);
    if (backend_) {
        ggml_backend_synchronize(backend_.get());
    }
}

void InnerBackend::optimize(ggml_cgraph& graph, ggml_backend_graph_optimize_params* parameters) {
    const std::lock_guard lock(mutex_);
    if (start() && backend_->iface.graph_optimize != nullptr) {
        backend_->iface.graph_optimize(backend_.get(), &graph, parameters);
    }
}

ggml_tensor InnerBackend::inner(const ggml_tensor& tensor) const {
    ggml_tensor copy = tensor;
    copy.buffer = unwrapped(tensor.view_src ? tensor.view_src->buffer : tensor.buffer);
    copy.view_src = nullptr;  // whose buffer is not the inner one
    return copy;
}

void InnerBackend::set_async(ggml_tensor& tensor, const void* data, std::size_t offset,
                             std::size_t size) {
    const std::lock_guard lock(mutex_);
    HEXCORE_CHECK(start(), device_.name(), "was started before");
    ggml_tensor target = inner(tensor);
    ggml_backend_tensor_set_async(backend_.get(), &target, data, offset, size);
}

void InnerBackend::get_async(const ggml_tensor& tensor, void* data, std::size_t offset,
                             std::size_t size) {
    const std::lock_guard lock(mutex_);
    HEXCORE_CHECK(start(), device_.name(), "was started before");
    const ggml_tensor source = inner(tensor);
    ggml_backend_tensor_get_async(backend_.get(), &source, data, offset, size);
}

bool InnerBackend::copy_async(InnerBackend& from, const ggml_tensor& source, ggml_tensor& target) {
    std::unique_lock lock(mutex_, std::defer_lock);
    std::unique_lock other(from.mutex_, std::defer_lock);
    if (&from == this) {
        lock.lock();
    } else {
        std::lock(lock, other);
    }
    if (!start() || !from.start() || backend_->iface.cpy_tensor_async == nullptr) {
        return false;
    }
    const ggml_tensor inner_source = from.inner(source);
    ggml_tensor inner_target = inner(target);
    return backend_->iface.cpy_tensor_async(from.backend_.get(), backend_.get(), &inner_source,
                                            &inner_target);
}

bool InnerBackend::can_copy_from(InnerBackend& from) {
    return start() && from.start() && backend_->iface.cpy_tensor_async != nullptr &&
           ggml_guid_matches(backend_->guid, from.backend_->guid);
}

bool InnerBackend::copy_async_in_turn(InnerBackend& from, const ggml_tensor& source,
                                      ggml_tensor& target) {
    {
        // The copy is made in the order of `from`, which knows nothing of what this one has begun.
        const std::scoped_lock lock(mutex_, from.mutex_);
        if (!can_copy_from(from)) {
            return false;
        }
        if (!event_) {
            event_.reset(ggml_backend_event_new(ggml_backend_get_device(backend_.get())));
        }
        if (!event_) {
            return false;
        }
        ggml_backend_event_record(event_.get(), backend_.get());
        ggml_backend_event_wait(from.backend_.get(), event_.get());
    }
    return copy_async(from, source, target);
}

void InnerBackend::record(ggml_backend_event_t event) {
    const std::lock_guard lock(mutex_);
    HEXCORE_CHECK(start(), device_.name(), "was started before");
    ggml_backend_event_record(event, backend_.get());
}

void InnerBackend::wait(ggml_backend_event_t event) {
    const std::lock_guard lock(mutex_);
    HEXCORE_CHECK(start(), device_.name(), "was started before");
    ggml_backend_event_wait(backend_.get(), event);
}

bool InnerBackend::reserve_scratch(ggml_cgraph& graph) {
    const std::lock_guard lock(mutex_);
    if (backend_) {
        ggml_backend_synchronize(backend_.get());  // to grow, it is given back first
    }
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
