#include "hexcore/backend/device_backend.hpp"

#include <memory>

#include "hexcore/backend/device.hpp"
#include "hexcore/backend/expert_execution.hpp"

namespace hexcore {
namespace {

struct DeviceBackend {
    Device& device;
    std::unique_ptr<ExpertExecution> execution;
};

DeviceBackend& context_of(ggml_backend_t backend) {
    return *static_cast<DeviceBackend*>(backend->context);
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
    [](ggml_backend_t backend) { context_of(backend).execution->synchronize(); },
    nullptr,  // graph_plan_create
    nullptr,  // graph_plan_free
    nullptr,  // graph_plan_update
    nullptr,  // graph_plan_compute
    [](ggml_backend_t backend, ggml_cgraph* graph) {
        return context_of(backend).execution->compute(*graph);
    },
    nullptr,  // event_record
    nullptr,  // event_wait
    [](ggml_backend_t backend, ggml_cgraph* graph, ggml_backend_graph_optimize_params*) {
        context_of(backend).execution->reserve(*graph);
    },
};

ggml_guid_t guid() {
    static ggml_guid id = {0x8e, 0x1c, 0x5a, 0x70, 0x2b, 0xd4, 0x4f, 0x36,
                           0x9a, 0x61, 0xc3, 0x0f, 0x77, 0xe8, 0x15, 0xb2};
    return &id;
}

}  // namespace

ggml_backend_t make_device_backend(Device& device) {
    std::unique_ptr<ExpertExecution> execution = device.make_execution();
    if (!execution) {
        return nullptr;
    }
    auto* context = new DeviceBackend{device, std::move(execution)};
    return new ggml_backend{guid(), interface, device.handle(), context};
}

void set_device_backend_threads(ggml_backend_t backend, int n_threads) {
    context_of(backend).execution->set_threads(n_threads);
}

void set_device_backend_abort_callback(ggml_backend_t backend, ggml_abort_callback callback,
                                       void* data) {
    context_of(backend).execution->set_abort_callback(callback, data);
}

}  // namespace hexcore
