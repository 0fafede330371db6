#include "hexcore/backend/memory/host_buffer.hpp"

#include <cstring>

#include "hexcore/backend/device.hpp"
#include "hexcore/backend/execution/execution_strategy.hpp"
#include "hexcore/backend/experts/named_experts.hpp"
#include "hexcore/backend/machine.hpp"
#include "hexcore/backend/memory/device_buffer.hpp"
#include "hexcore/backend/memory/recurrent_state.hpp"
#include "hexcore/backend/memory/simulated_buffer.hpp"

namespace hexcore {
namespace {

// As ggml's CPU backend aligns tensors.
constexpr std::size_t tensor_alignment = 32;

std::byte* bytes_of(const ggml_tensor* tensor) { return static_cast<std::byte*>(tensor->data); }

struct HostBuffer : DeviceBuffer {
    [[nodiscard]] bool has_sharded_tensors() const override { return experts != nullptr; }
    [[nodiscard]] FillTarget fill_target(const ggml_tensor& tensor,
                                         std::size_t offset) const override {
        return {.address = bytes_of(&tensor) + offset};
    }

    std::unique_ptr<DeviceMemory::Block> block;
    std::unique_ptr<NamedExperts> experts;  ///< null where there are expert buffers
};

HostBuffer& context_of(ggml_backend_buffer_t buffer) {
    return static_cast<HostBuffer&>(*device_buffer(buffer));
}

Machine& machine_of(ggml_backend_buffer_t buffer) {
    return device_of(buffer->buft->device).machine();
}

void* get_base(ggml_backend_buffer_t buffer) { return context_of(buffer).block->data(); }

ggml_status init_tensor(ggml_backend_buffer_t buffer, ggml_tensor* tensor) {
    account_by_tensor(*tensor, *context_of(buffer).block);
    return GGML_STATUS_SUCCESS;
}

ggml_status init_tensor_by_name(ggml_backend_buffer_t buffer, ggml_tensor* tensor) {
    const auto placed = context_of(buffer).experts->init_tensor(*tensor);
    return placed ? *placed : init_tensor(buffer, tensor);
}

void memset_tensor(ggml_backend_buffer_t, ggml_tensor* tensor, std::uint8_t value,
                   std::size_t offset, std::size_t size) {
    if (sharded(tensor) != nullptr) {
        memset_shards(*tensor, value, offset, size);
    } else {
        std::memset(bytes_of(tensor) + offset, value, size);
    }
}

void set_tensor(ggml_backend_buffer_t buffer, ggml_tensor* tensor, const void* data,
                std::size_t offset, std::size_t size) {
    Machine& machine = machine_of(buffer);
    if (sharded(tensor) != nullptr) {
        set_shards(machine, *tensor, data, offset, size);
        return;
    }
    TensorFiller* filler = machine.filler();
    if (filler != nullptr &&
        filler->fill(tensor->name, offset, context_of(buffer).fill_target(*tensor, offset), size)) {
        return;
    }
    std::memcpy(bytes_of(tensor) + offset, data, size);
}

void get_tensor(ggml_backend_buffer_t, const ggml_tensor* tensor, void* data, std::size_t offset,
                std::size_t size) {
    if (sharded(tensor) != nullptr) {
        get_shards(*tensor, data, offset, size);
    } else {
        std::memcpy(data, bytes_of(tensor) + offset, size);
    }
}

bool cpy_tensor(ggml_backend_buffer_t, const ggml_tensor* from, ggml_tensor* to) {
    const bool is_plain = sharded(from) == nullptr && sharded(to) == nullptr;
    if (!is_plain ||
        (from->buffer->iface.get_base != get_base && !ggml_backend_buffer_is_host(from->buffer))) {
        return false;
    }
    std::memcpy(to->data, from->data, ggml_nbytes(from));
    return true;
}

void clear(ggml_backend_buffer_t buffer, std::uint8_t value) {
    HostBuffer& context = context_of(buffer);
    std::memset(context.block->data(), value, buffer->size);
    if (context.experts) {
        context.experts->clear(value);
    }
}

constexpr ggml_backend_buffer_i host_buffer_interface = {
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
    ggml_backend_buffer_i result = host_buffer_interface;
    result.init_tensor = init_tensor_by_name;
    return result;
}();

std::size_t alloc_size(ggml_backend_buffer_type_t type, const ggml_tensor* tensor) {
    const Device& device = device_of(type);
    if (const auto size = NamedExperts::alloc_size(device, *tensor)) {
        return *size;
    }
    return ggml_nbytes(tensor) + strategy_for(device.machine()).space_behind(*tensor).count();
}

}  // namespace

ggml_backend_buffer_t allocate_host_buffer(Device& device, Bytes size,
                                           std::optional<Purpose> purpose) {
    auto block = device.memory().take(size, purpose.value_or(Purpose::kv));
    if (!block) {
        return nullptr;
    }
    const bool shards = !purpose && device.machine().layout().goes_by_name();
    auto context = std::make_unique<HostBuffer>();
    context->block = std::move(*block);
    if (shards) {
        context->experts = std::make_unique<NamedExperts>(device);
    }
    DeviceMemory::Block& taken = *context->block;
    ggml_backend_buffer_t buffer = ggml_backend_buffer_init(
        device.buffer_type(),
        interface_in(device.memory(), shards ? sharding_interface : host_buffer_interface),
        static_cast<DeviceBuffer*>(context.release()), size.count());
    if (!purpose) {
        taken.set_owner(*buffer);
    }
    return buffer;
}

ggml_backend_buffer_type_i host_buffer_type() {
    return {
        [](ggml_backend_buffer_type_t type) { return device_of(type).name().c_str(); },
        [](ggml_backend_buffer_type_t type, std::size_t size) {
            Device& device = device_of(type);
            return device.machine().allows_buffer(device.id())
                       ? allocate_host_buffer(device, Bytes(size), std::nullopt)
                       : nullptr;
        },
        [](ggml_backend_buffer_type_t) { return tensor_alignment; },
        nullptr,  // get_max_size: no limit but the budget
        alloc_size,
        // Not to be written to directly: data comes and goes through the interface, as for a GPU.
        [](ggml_backend_buffer_type_t) { return false; },
    };
}

}  // namespace hexcore
