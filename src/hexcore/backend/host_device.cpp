#include "hexcore/backend/host_device.hpp"

#include "ggml-cpu.h"
#include "hexcore/backend/machine.hpp"
#include "hexcore/backend/memory/host_buffer.hpp"

namespace hexcore {

HostDevice::HostDevice(Machine& machine, ggml_backend_reg_t registry, DeviceId id,
                       const DeviceSpec& spec, Commitment commitment)
    : Device(machine, registry, id, spec, commitment, host_buffer_type()) {}

Result<std::optional<Bytes>> HostDevice::measured() const {
    HEXCORE_TRY(resident, memory().measured());
    return std::optional(resident);
}

bool HostDevice::supports(const ggml_tensor& op) {
    return ggml_backend_dev_supports_op(ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU),
                                        &op);
}

ggml_backend_t HostDevice::start_inner_backend() { return ggml_backend_cpu_init(); }

ggml_backend_buffer_t HostDevice::allocate(Bytes size, Purpose purpose) {
    return allocate_host_buffer(*this, size, purpose);
}

}  // namespace hexcore
