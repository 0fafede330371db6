#include "hexcore/backend/wrapped_device.hpp"

#include "hexcore/backend/memory/wrapped_buffer.hpp"
#include "hexcore/device/gpu_probe.hpp"

namespace hexcore {
WrappedDevice::WrappedDevice(Machine& machine, ggml_backend_reg_t registry, DeviceId id,
                             const DeviceSpec& spec, Commitment commitment,
                             const InnerDevice& inner)
    : Device(machine, registry, id, spec, commitment, wrapped_buffer_type()),
      inner_(inner),
      free_at_first_(commitment == Commitment::committed ? free_memory(inner) : Bytes()) {}

Result<std::optional<Bytes>> WrappedDevice::measured() const {
    if (!inner_.tells_free_memory) {
        return std::optional<Bytes>();
    }
    const Bytes context = inner_.context;
    const bool is_used = memory().budget().used() > Bytes{};
    if (const auto held = inner_.gpu ? held_by_this_process(*inner_.gpu) : std::nullopt) {
        return std::optional(is_used ? *held : saturating_subtract(*held, context));
    }
    const Bytes taken = saturating_subtract(free_at_first_, free_memory(inner_));
    return std::optional(is_used ? taken + context : taken);
}

MeasuredBy WrappedDevice::measured_by() const {
    return inner_.gpu && held_by_this_process(*inner_.gpu) ? MeasuredBy::process
                                                           : MeasuredBy::free_memory;
}

ggml_backend_buffer_t WrappedDevice::allocate(Bytes size, Purpose purpose) {
    return allocate_wrapped_buffer(*this, size, purpose);
}

}  // namespace hexcore
