#include "hexcore/backend/execution/device_backend.hpp"

#include <memory>

#include "hexcore/backend/device.hpp"
#include "hexcore/backend/execution/execution_strategy.hpp"
#include "hexcore/backend/execution/inner_backend.hpp"
#include "hexcore/backend/experts/expert_buffer.hpp"
#include "hexcore/backend/machine.hpp"

namespace hexcore {
namespace {

struct DeviceBackend {
    Device& device;
    std::unique_ptr<ExpertExecution> execution;
    /// What goes on beside the caller on a device of another backend; null for main memory, whose
    /// work is done when a call returns.
    std::shared_ptr<InnerBackend> beside;
};

DeviceBackend& context_of(ggml_backend_t backend) {
    return *static_cast<DeviceBackend*>(backend->context);
}

void free_backend(ggml_backend_t backend) {
    delete &context_of(backend);
    delete backend;
}

void synchronize(ggml_backend_t backend) { context_of(backend).execution->synchronize(); }

/// Whether bytes of `tensor` are at one place, and go there as soon as they are handed over: not
/// those of experts in shards, and not what readers bring while a model loads.
bool is_plain(const DeviceBackend& context, const ggml_tensor& tensor) {
    return context.beside && sharded(&tensor) == nullptr &&
           context.device.machine().filler() == nullptr;
}

void set_tensor_async(ggml_backend_t backend, ggml_tensor* tensor, const void* data,
                      std::size_t offset, std::size_t size) {
    DeviceBackend& context = context_of(backend);
    if (is_plain(context, *tensor)) {
        context.beside->set_async(*tensor, data, offset, size);
        return;
    }
    synchronize(backend);
    ggml_backend_tensor_set(tensor, data, offset, size);
}

void get_tensor_async(ggml_backend_t backend, const ggml_tensor* tensor, void* data,
                      std::size_t offset, std::size_t size) {
    DeviceBackend& context = context_of(backend);
    if (is_plain(context, *tensor)) {
        context.beside->get_async(*tensor, data, offset, size);
        return;
    }
    synchronize(backend);
    ggml_backend_tensor_get(tensor, data, offset, size);
}

ggml_guid_t guid() {
    static ggml_guid id = {0x8e, 0x1c, 0x5a, 0x70, 0x2b, 0xd4, 0x4f, 0x36,
                           0x9a, 0x61, 0xc3, 0x0f, 0x77, 0xe8, 0x15, 0xb2};
    return &id;
}

bool cpy_tensor_async(ggml_backend_t from, ggml_backend_t to, const ggml_tensor* source,
                      ggml_tensor* target) {
    if (!ggml_guid_matches(from->guid, guid()) || !ggml_guid_matches(to->guid, guid())) {
        return false;
    }
    DeviceBackend& there = context_of(from);
    DeviceBackend& here = context_of(to);
    return is_plain(there, *source) && is_plain(here, *target) &&
           here.beside->copy_async(*there.beside, *source, *target);
}

void graph_optimize(ggml_backend_t backend, ggml_cgraph* graph,
                    ggml_backend_graph_optimize_params* parameters) {
    DeviceBackend& context = context_of(backend);
    if (context.beside) {
        context.beside->optimize(*graph, parameters);
    }
    context.execution->reserve(*graph);
}

constexpr ggml_backend_i backend_interface = {
    [](ggml_backend_t backend) { return context_of(backend).device.name().c_str(); },
    free_backend,
    set_tensor_async,
    get_tensor_async,
    nullptr,  // set_tensor_2d_async
    nullptr,  // get_tensor_2d_async
    cpy_tensor_async,
    synchronize,
    nullptr,  // graph_plan_create
    nullptr,  // graph_plan_free
    nullptr,  // graph_plan_update
    nullptr,  // graph_plan_compute
    [](ggml_backend_t backend, ggml_cgraph* graph) {
        const DeviceBackend& context = context_of(backend);
        // There is nothing behind the addresses of simulated memory.
        return context.device.memory().is_simulated() ? GGML_STATUS_SUCCESS
                                                      : context.execution->compute(*graph);
    },
    [](ggml_backend_t backend, ggml_backend_event_t event) {
        context_of(backend).beside->record(event);
    },
    [](ggml_backend_t backend, ggml_backend_event_t event) {
        context_of(backend).beside->wait(event);
    },
    graph_optimize,
};

}  // namespace

ggml_backend_t make_device_backend(Device& device) {
    std::unique_ptr<ExpertExecution> execution = strategy_for(device.machine()).make(device);
    if (!execution) {
        return nullptr;
    }
    auto* context = new DeviceBackend{device, std::move(execution),
                                      device.is_host() ? nullptr : device.inner_backend()};
    return new ggml_backend{guid(), backend_interface, device.handle(), context};
}

void set_device_backend_threads(ggml_backend_t backend, int n_threads) {
    context_of(backend).execution->set_threads(n_threads);
}

void set_device_backend_abort_callback(ggml_backend_t backend, ggml_abort_callback callback,
                                       void* data) {
    context_of(backend).execution->set_abort_callback(callback, data);
}

}  // namespace hexcore
