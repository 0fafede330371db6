#include "hexcore/backend/memory/wrapped_buffer.hpp"

#include <memory>

#include "ggml-cpp.h"
#include "hexcore/backend/experts/named_experts.hpp"
#include "hexcore/backend/machine.hpp"
#include "hexcore/backend/memory/device_buffer.hpp"
#include "hexcore/backend/memory/recurrent_state.hpp"
#include "hexcore/backend/memory/simulated_buffer.hpp"
#include "hexcore/backend/wrapped_device.hpp"

namespace hexcore {
namespace {

struct WrappedBuffer : DeviceBuffer {
    [[nodiscard]] bool has_sharded_tensors() const override { return experts != nullptr; }
    [[nodiscard]] FillTarget fill_target(const ggml_tensor& tensor,
                                         std::size_t offset) const override;
    [[nodiscard]] ggml_backend_buffer_t inner(ggml_backend_buffer_t buffer) const override {
        if (!inner_buffer) {
            return buffer;
        }
        inner_buffer->usage = buffer->usage;  // set by libllama after allocation
        return inner_buffer.get();
    }

    std::unique_ptr<NamedExperts> experts;  ///< null where there are expert buffers
    std::unique_ptr<DeviceMemory::Block> block;
    ggml_backend_buffer_ptr inner_buffer;  ///< null on a simulated device; goes before the block
};

WrappedBuffer& context_of(ggml_backend_buffer_t buffer) {
    return static_cast<WrappedBuffer&>(*device_buffer(buffer));
}

ggml_backend_buffer_t inner_of(ggml_backend_buffer_t buffer) {
    return context_of(buffer).inner(buffer);
}

ggml_tensor in_inner_buffer(const ggml_tensor& tensor, ggml_backend_buffer_t buffer) {
    ggml_tensor copy = tensor;
    copy.buffer = inner_of(buffer);
    return copy;
}

FillTarget WrappedBuffer::fill_target(const ggml_tensor& tensor, std::size_t offset) const {
    const ggml_tensor within = in_inner_buffer(tensor, tensor.buffer);
    return {.address = nullptr,
            .write = [within, offset](std::size_t at, const std::byte* data, std::size_t size) {
                ggml_tensor to = within;
                to.buffer->iface.set_tensor(to.buffer, &to, data, offset + at, size);
            }};
}

WrappedDevice& wrapped_device_of(ggml_backend_buffer_type_t type) {
    return static_cast<WrappedDevice&>(device_of(type));
}

void* get_base(ggml_backend_buffer_t buffer) {
    if (!context_of(buffer).inner_buffer) {
        return reinterpret_cast<void*>(0x100000);  // simulated: nothing may look behind it
    }
    return ggml_backend_buffer_get_base(inner_of(buffer));
}

ggml_status init_tensor(ggml_backend_buffer_t buffer, ggml_tensor* tensor) {
    account_by_tensor(*tensor, *context_of(buffer).block);
    if (!context_of(buffer).inner_buffer || inner_of(buffer)->iface.init_tensor == nullptr) {
        return GGML_STATUS_SUCCESS;
    }
    ggml_tensor copy = in_inner_buffer(*tensor, buffer);
    return inner_of(buffer)->iface.init_tensor(inner_of(buffer), &copy);
}

ggml_status init_tensor_by_name(ggml_backend_buffer_t buffer, ggml_tensor* tensor) {
    const auto placed = context_of(buffer).experts->init_tensor(*tensor);
    return placed ? *placed : init_tensor(buffer, tensor);
}

void memset_tensor(ggml_backend_buffer_t buffer, ggml_tensor* tensor, std::uint8_t value,
                   std::size_t offset, std::size_t size) {
    if (sharded(tensor) != nullptr) {
        memset_shards(*tensor, value, offset, size);
        return;
    }
    ggml_tensor copy = in_inner_buffer(*tensor, buffer);
    inner_of(buffer)->iface.memset_tensor(inner_of(buffer), &copy, value, offset, size);
}

void set_tensor(ggml_backend_buffer_t buffer, ggml_tensor* tensor, const void* data,
                std::size_t offset, std::size_t size) {
    Machine& machine = device_of(buffer->buft).machine();
    if (sharded(tensor) != nullptr) {
        set_shards(machine, *tensor, data, offset, size);
        return;
    }
    TensorFiller* filler = machine.filler();
    if (filler != nullptr &&
        filler->fill(tensor->name, offset, context_of(buffer).fill_target(*tensor, offset), size)) {
        return;
    }
    ggml_tensor copy = in_inner_buffer(*tensor, buffer);
    inner_of(buffer)->iface.set_tensor(inner_of(buffer), &copy, data, offset, size);
}

void get_tensor(ggml_backend_buffer_t buffer, const ggml_tensor* tensor, void* data,
                std::size_t offset, std::size_t size) {
    if (sharded(tensor) != nullptr) {
        get_shards(*tensor, data, offset, size);
        return;
    }
    const ggml_tensor copy = in_inner_buffer(*tensor, buffer);
    inner_of(buffer)->iface.get_tensor(inner_of(buffer), &copy, data, offset, size);
}

bool cpy_tensor(ggml_backend_buffer_t buffer, const ggml_tensor* from, ggml_tensor* to) {
    ggml_backend_buffer_t inner = inner_of(buffer);
    if (inner->iface.cpy_tensor == nullptr || sharded(from) != nullptr || sharded(to) != nullptr) {
        return false;
    }
    ggml_tensor inner_from = *from;
    inner_from.buffer = unwrapped(from->buffer);
    ggml_tensor inner_to = in_inner_buffer(*to, buffer);
    return inner->iface.cpy_tensor(inner, &inner_from, &inner_to);
}

void clear(ggml_backend_buffer_t buffer, std::uint8_t value) {
    ggml_backend_buffer_clear(inner_of(buffer), value);
    if (context_of(buffer).experts) {
        context_of(buffer).experts->clear(value);
    }
}

constexpr ggml_backend_buffer_i wrapped_buffer_interface = {
    free_device_buffer,
    get_base,
    init_tensor,
    memset_tensor,
    set_tensor,
    get_tensor,
    nullptr,  // set_tensor_2d
    nullptr,  // get_tensor_2d
    cpy_tensor,
    clear,
    nullptr,  // reset
};

constexpr ggml_backend_buffer_i sharding_interface = [] {
    ggml_backend_buffer_i result = wrapped_buffer_interface;
    result.init_tensor = init_tensor_by_name;
    return result;
}();

ggml_backend_buffer_type_t inner_type(ggml_backend_buffer_type_t type) {
    return wrapped_device_of(type).inner_buffer_type();
}

}  // namespace

ggml_backend_buffer_t allocate_wrapped_buffer(WrappedDevice& device, Bytes size,
                                              std::optional<Purpose> purpose) {
    DeviceMemory& memory = device.memory();
    auto context = std::make_unique<WrappedBuffer>();
    const auto get_inner = [&]() -> Result<void> {
        if (memory.is_simulated()) {
            return {};
        }
        context->inner_buffer.reset(
            ggml_backend_buft_alloc_buffer(device.inner_buffer_type(), size.count()));
        if (!context->inner_buffer) {
            return fail(ErrorCode::does_not_fit,
                        "{} is out of memory: {} were refused although {} of its budget are free; "
                        "somebody else holds them",
                        device.name(), to_string(size), to_string(memory.budget().free() + size));
        }
        return {};
    };
    auto block = memory.take_elsewhere(size, purpose.value_or(Purpose::kv), get_inner);
    if (!block) {
        return nullptr;
    }
    const bool shards = !purpose && device.machine().layout().goes_by_name();
    if (shards) {
        context->experts = std::make_unique<NamedExperts>(device);
    }
    context->block = std::move(*block);
    DeviceMemory::Block& accounted = *context->block;
    ggml_backend_buffer_t buffer = ggml_backend_buffer_init(
        device.buffer_type(),
        interface_in(device.memory(), shards ? sharding_interface : wrapped_buffer_interface),
        static_cast<DeviceBuffer*>(context.release()), size.count());
    if (!purpose) {
        accounted.set_owner(*buffer);
    }
    return buffer;
}

ggml_backend_buffer_type_i wrapped_buffer_type() {
    return {
        [](ggml_backend_buffer_type_t type) { return device_of(type).name().c_str(); },
        [](ggml_backend_buffer_type_t type, std::size_t size) {
            WrappedDevice& device = wrapped_device_of(type);
            return device.machine().allows_buffer(device.id())
                       ? allocate_wrapped_buffer(device, Bytes(size), std::nullopt)
                       : nullptr;
        },
        [](ggml_backend_buffer_type_t type) {
            return ggml_backend_buft_get_alignment(inner_type(type));
        },
        [](ggml_backend_buffer_type_t type) {
            return ggml_backend_buft_get_max_size(inner_type(type));
        },
        [](ggml_backend_buffer_type_t type, const ggml_tensor* tensor) {
            if (const auto size = NamedExperts::alloc_size(device_of(type), *tensor)) {
                return *size;
            }
            return ggml_backend_buft_get_alloc_size(inner_type(type), tensor);
        },
        nullptr,  // is_host: no
    };
}

}  // namespace hexcore
