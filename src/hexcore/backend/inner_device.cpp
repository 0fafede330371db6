#include "hexcore/backend/inner_device.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include "ggml-rpc.h"
#include "hexcore/device/dynamic_library.hpp"
#include "hexcore/device/gpu_probe.hpp"
#include "hexcore/device/server_probe.hpp"

namespace hexcore {
namespace {

Bytes free_memory(ggml_backend_dev_t device) {
    std::size_t free = 0;
    std::size_t total = 0;
    ggml_backend_dev_memory(device, &free, &total);
    return Bytes(free);
}

/// What the context of each GPU takes. ggml's CUDA backend makes it the first time that a GPU is
/// looked at, and it stays until the process ends.
class CudaContexts {
public:
    Bytes of(std::uint32_t index, ggml_backend_dev_t device) {
        const std::lock_guard lock(mutex_);
        const auto known = contexts_.find(index);
        if (known != contexts_.end()) {
            return known->second;
        }
        const std::optional<Bytes> before = driver_free(index);
        (void)free_memory(device);  // which makes it
        const std::optional<Bytes> after = driver_free(index);
        Bytes context = typical_cuda_context;
        if (const auto held = held_by_this_process(index)) {
            context = *held;
        } else if (before && after) {
            context = saturating_subtract(*before, *after);
        }
        contexts_.emplace(index, context);
        return context;
    }

private:
    static std::optional<Bytes> driver_free(std::uint32_t index) {
        const GpuList list = probe_gpus();
        const auto gpu = std::find_if(list.gpus.begin(), list.gpus.end(),
                                      [index](const GpuInfo& info) { return info.index == index; });
        return gpu == list.gpus.end() ? std::nullopt : gpu->free;
    }

    std::mutex mutex_;
    std::map<std::uint32_t, Bytes> contexts_;
};

Result<InnerDevice> find_cuda(const DeviceSpec& spec) {
    // Loaded when asked for, so that one program runs with and without a driver.
    auto library = DynamicLibrary::open("libggml-cuda.so");
    if (!library) {
        return fail(ErrorCode::missing_device, {{Change::build_for_cuda}, {Change::host_device}},
                    "{}: ggml's CUDA backend cannot be loaded ({})", spec.name,
                    library.error().message);
    }
    auto* registry_of = library->function<ggml_backend_reg_t()>("ggml_backend_cuda_reg");
    ggml_backend_reg_t registry = registry_of == nullptr ? nullptr : registry_of();
    const std::size_t count = registry == nullptr ? 0 : ggml_backend_reg_dev_count(registry);
    if (count <= spec.cuda_index) {
        return fail(ErrorCode::missing_device, "{}: ggml's CUDA backend sees {} devices", spec.name,
                    count);
    }
    static CudaContexts contexts;
    ggml_backend_dev_t device = ggml_backend_reg_dev_get(registry, spec.cuda_index);
    return InnerDevice{.device = device,
                       .context = contexts.of(spec.cuda_index, device),
                       .pools = spec.measured ? spec.measured->pools : typical_cuda_pools,
                       .tells_free_memory = true,
                       .gpu = spec.cuda_index};
}

// ggml waits where nobody answers and stops the program where something else does. Asked once for
// each server: from then on ggml may be its client, and a server serves one at a time.
Result<void> check_server(const std::string& endpoint) {
    static std::mutex mutex;
    static std::set<std::string> checked;
    const std::lock_guard lock(mutex);
    if (checked.contains(endpoint)) {
        return {};
    }
    HEXCORE_TRY(version, probe_server(endpoint));
    if (version.major != RPC_PROTO_MAJOR_VERSION || version.minor > RPC_PROTO_MINOR_VERSION) {
        return fail(ErrorCode::missing_device,
                    "rpc:{}: the server speaks version {}.{}.{} of ggml's protocol, this program "
                    "{}.{}.{}; run the ggml-rpc-server of the same llama.cpp on both machines",
                    endpoint, version.major, version.minor, version.patch, RPC_PROTO_MAJOR_VERSION,
                    RPC_PROTO_MINOR_VERSION, RPC_PROTO_PATCH_VERSION);
    }
    checked.insert(endpoint);
    return {};
}

Result<InnerDevice> find_rpc(const DeviceSpec& spec) {
    HEXCORE_TRY_VOID(check_server(spec.endpoint));
    ggml_backend_reg_t rpc = ggml_backend_reg_by_name("RPC");
    void* const address =
        rpc == nullptr ? nullptr
                       : ggml_backend_reg_get_proc_address(rpc, "ggml_backend_rpc_add_server");
    if (address == nullptr) {
        return fail(ErrorCode::missing_device, "{}: this ggml was built without RPC", spec.name);
    }
    auto* add_server = reinterpret_cast<ggml_backend_reg_t (*)(const char*)>(address);
    ggml_backend_reg_t server = add_server(spec.endpoint.c_str());
    if (server == nullptr || ggml_backend_reg_dev_count(server) == 0) {
        return fail(ErrorCode::missing_device, "{}: the server offers no device", spec.name);
    }
    // A server on a CPU tells the free memory of its whole machine, which says nothing of buffers.
    return InnerDevice{.device = ggml_backend_reg_dev_get(server, 0),
                       .context = {},
                       .pools = {},
                       .tells_free_memory = false};
}

}  // namespace

Bytes free_memory(const InnerDevice& inner) { return free_memory(inner.device); }

Result<InnerDevice> find_inner_device(const DeviceSpec& spec) {
    switch (spec.kind) {
        case DeviceKind::host:
            break;
        case DeviceKind::cuda:
            return find_cuda(spec);
        case DeviceKind::rpc:
            return find_rpc(spec);
    }
    HEXCORE_CHECK(false, spec.name, "has no inner device");
    return InnerDevice{};
}

}  // namespace hexcore
