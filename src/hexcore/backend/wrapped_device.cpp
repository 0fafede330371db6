#include "hexcore/backend/wrapped_device.hpp"

#include "hexcore/backend/staged_execution.hpp"
#include "hexcore/backend/wrapped_buffer.hpp"
#include "hexcore/device/dynamic_library.hpp"

namespace hexcore {
namespace {

Result<ggml_backend_dev_t> find_cuda(const DeviceSpec& spec) {
    // Loaded when asked for, so that one program runs with and without a driver.
    auto library = DynamicLibrary::open("libggml-cuda.so");
    if (!library) {
        return fail(ErrorCode::missing_device,
                    "{}: ggml's CUDA backend cannot be loaded ({}); build with the preset cuda on a "
                    "machine with the CUDA toolkit, or use --device host=SIZE",
                    spec.name, library.error().message);
    }
    auto* registry_of = library->function<ggml_backend_reg_t()>("ggml_backend_cuda_reg");
    ggml_backend_reg_t registry = registry_of == nullptr ? nullptr : registry_of();
    if (registry == nullptr || ggml_backend_reg_dev_count(registry) <= spec.cuda_index) {
        return fail(ErrorCode::missing_device, "{}: ggml's CUDA backend sees {} devices", spec.name,
                    registry == nullptr ? 0 : ggml_backend_reg_dev_count(registry));
    }
    return ggml_backend_reg_dev_get(registry, spec.cuda_index);
}

Result<ggml_backend_dev_t> find_rpc(const DeviceSpec& spec) {
    ggml_backend_reg_t rpc = ggml_backend_reg_by_name("RPC");
    auto* add_server = rpc == nullptr
                           ? nullptr
                           : reinterpret_cast<ggml_backend_reg_t (*)(const char*)>(
                                 ggml_backend_reg_get_proc_address(rpc, "ggml_backend_rpc_add_server"));
    if (add_server == nullptr) {
        return fail(ErrorCode::missing_device, "{}: this ggml was built without RPC", spec.name);
    }
    ggml_backend_reg_t server = add_server(spec.endpoint.c_str());
    if (server == nullptr || ggml_backend_reg_dev_count(server) == 0) {
        return fail(ErrorCode::missing_device, "{}: the server offers no device", spec.name);
    }
    return ggml_backend_reg_dev_get(server, 0);
}

}  // namespace

Result<ggml_backend_dev_t> WrappedDevice::find_inner(const DeviceSpec& spec) {
    return spec.kind == DeviceKind::cuda ? find_cuda(spec) : find_rpc(spec);
}

WrappedDevice::WrappedDevice(Machine& machine, ggml_backend_reg_t registry, DeviceId id,
                             const DeviceSpec& spec, Commitment commitment,
                             ggml_backend_dev_t inner)
    : Device(machine, registry, id, spec, commitment, wrapped_buffer_type()),
      inner_(inner),
      free_at_first_(inner_free()) {}

Bytes WrappedDevice::inner_free() const {
    std::size_t free = 0;
    std::size_t total = 0;
    ggml_backend_dev_memory(inner_, &free, &total);
    return Bytes(free);
}

Result<Bytes> WrappedDevice::measured() const {
    return saturating_subtract(free_at_first_, inner_free());
}

ggml_backend_buffer_t WrappedDevice::inner_buffer(ggml_backend_buffer_t buffer) const {
    return unwrapped(buffer);
}

std::unique_ptr<ExpertExecution> WrappedDevice::make_execution() {
    return std::make_unique<StagedExecution>(*this);
}

ggml_backend_buffer_t WrappedDevice::allocate(Bytes size, Purpose purpose) {
    return allocate_wrapped_buffer(*this, size, purpose);
}

}  // namespace hexcore
