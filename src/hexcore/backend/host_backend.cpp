#include "hexcore/backend/host_backend.hpp"

#include "ggml-cpp.h"
#include "ggml-cpu.h"
#include "hexcore/backend/device.hpp"
#include "hexcore/backend/host_experts.hpp"

namespace hexcore {
namespace {

/// Devices over the CPU never compute at the same time within one context; with OpenMP, all their
/// inner backends run on the calling thread's one team, so they do not fight over cores.
struct HostBackend {
    Device& device;
    ggml_backend_ptr inner;
    HostExperts experts;
};

HostBackend& context_of(ggml_backend_t backend) {
    return *static_cast<HostBackend*>(backend->context);
}

ggml_status graph_compute(ggml_backend_t backend, ggml_cgraph* graph) {
    HostBackend& context = context_of(backend);
    ggml_cgraph* rewritten = context.experts.rewrite(graph);
    if (rewritten == nullptr) {
        return GGML_STATUS_ALLOC_FAILED;
    }
    return ggml_backend_graph_compute(context.inner.get(), rewritten);
}

void free_backend(ggml_backend_t backend) {
    delete &context_of(backend);
    delete backend;
}

constexpr ggml_backend_i interface = {
    [](ggml_backend_t backend) { return context_of(backend).device.name().c_str(); },
    free_backend,
    nullptr,  // set_tensor_async
    nullptr,  // get_tensor_async
    nullptr,  // set_tensor_2d_async
    nullptr,  // get_tensor_2d_async
    nullptr,  // cpy_tensor_async
    nullptr,  // synchronize
    nullptr,  // graph_plan_create
    nullptr,  // graph_plan_free
    nullptr,  // graph_plan_update
    nullptr,  // graph_plan_compute
    graph_compute,
    nullptr,  // event_record
    nullptr,  // event_wait
    nullptr,  // graph_optimize
};

ggml_guid_t guid() {
    static ggml_guid id = {0x8e, 0x1c, 0x5a, 0x70, 0x2b, 0xd4, 0x4f, 0x36,
                           0x9a, 0x61, 0xc3, 0x0f, 0x77, 0xe8, 0x15, 0xb2};
    return &id;
}

}  // namespace

ggml_backend_t make_host_backend(Device& device) {
    ggml_backend_ptr inner(ggml_backend_cpu_init());
    if (!inner) {
        return nullptr;
    }
    auto* context = new HostBackend{device, std::move(inner), HostExperts(device)};
    return new ggml_backend{guid(), interface, device.handle(), context};
}

void set_host_backend_threads(ggml_backend_t backend, int n_threads) {
    ggml_backend_cpu_set_n_threads(context_of(backend).inner.get(), n_threads);
}

void set_host_backend_abort_callback(ggml_backend_t backend, ggml_abort_callback callback,
                                     void* data) {
    ggml_backend_cpu_set_abort_callback(context_of(backend).inner.get(), callback, data);
}

}  // namespace hexcore
