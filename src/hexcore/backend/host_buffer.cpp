#include "hexcore/backend/host_buffer.hpp"

#include <cstring>

#include "hexcore/backend/device.hpp"
#include "hexcore/backend/fused_execution.hpp"
#include "hexcore/backend/machine.hpp"

namespace hexcore {
namespace {

// As ggml's CPU backend aligns tensors.
constexpr std::size_t tensor_alignment = 32;

DeviceMemory::Block& block_of(ggml_backend_buffer_t buffer) {
    return *static_cast<DeviceMemory::Block*>(buffer->context);
}

void free_buffer(ggml_backend_buffer_t buffer) {
    if (TensorFiller* filler = device_of(buffer->buft->device).machine().filler()) {
        filler->abandon();
    }
    delete &block_of(buffer);
}

void* get_base(ggml_backend_buffer_t buffer) { return block_of(buffer).data(); }

std::byte* bytes_of(const ggml_tensor* tensor) { return static_cast<std::byte*>(tensor->data); }

void memset_tensor(ggml_backend_buffer_t, ggml_tensor* tensor, std::uint8_t value,
                   std::size_t offset, std::size_t size) {
    std::memset(bytes_of(tensor) + offset, value, size);
}

void set_tensor(ggml_backend_buffer_t buffer, ggml_tensor* tensor, const void* data,
                std::size_t offset, std::size_t size) {
    TensorFiller* filler = device_of(buffer->buft->device).machine().filler();
    if (filler != nullptr &&
        filler->fill(tensor->name, offset, {.address = bytes_of(tensor) + offset}, size)) {
        return;
    }
    std::memcpy(bytes_of(tensor) + offset, data, size);
}

void get_tensor(ggml_backend_buffer_t, const ggml_tensor* tensor, void* data, std::size_t offset,
                std::size_t size) {
    std::memcpy(data, bytes_of(tensor) + offset, size);
}

bool cpy_tensor(ggml_backend_buffer_t, const ggml_tensor* from, ggml_tensor* to) {
    if (from->buffer->iface.get_base != get_base && !ggml_backend_buffer_is_host(from->buffer)) {
        return false;
    }
    std::memcpy(to->data, from->data, ggml_nbytes(from));
    return true;
}

void clear(ggml_backend_buffer_t buffer, std::uint8_t value) {
    std::memset(block_of(buffer).data(), value, buffer->size);
}

constexpr ggml_backend_buffer_i interface = {
    free_buffer,   get_base,
    nullptr,  // init_tensor
    memset_tensor, set_tensor, get_tensor,
    nullptr,  // set_tensor_2d
    nullptr,  // get_tensor_2d
    cpy_tensor,    clear,
    nullptr,  // reset
};

}  // namespace

ggml_backend_buffer_t allocate_host_buffer(Device& device, Bytes size,
                                           std::optional<Purpose> purpose) {
    auto block = device.memory().take(size);
    if (!block) {
        return nullptr;
    }
    if (purpose) {
        (*block)->set_purpose(*purpose);
    }
    DeviceMemory::Block* context = block->release();
    ggml_backend_buffer_t buffer =
        ggml_backend_buffer_init(device.buffer_type(), interface, context, size.count());
    context->set_owner(buffer);
    return buffer;
}

ggml_backend_buffer_type_i host_buffer_type() {
    return {
        [](ggml_backend_buffer_type_t type) { return device_of(type).name().c_str(); },
        [](ggml_backend_buffer_type_t type, std::size_t size) {
            return allocate_host_buffer(device_of(type), Bytes(size), std::nullopt);
        },
        [](ggml_backend_buffer_type_t) { return tensor_alignment; },
        nullptr,  // get_max_size: no limit but the budget
        [](ggml_backend_buffer_type_t type, const ggml_tensor* tensor) {
            return ggml_nbytes(tensor) + routing_space(device_of(type), *tensor).count();
        },
        // Not to be written to directly: data comes and goes through the interface, as for a GPU.
        [](ggml_backend_buffer_type_t) { return false; },
    };
}

}  // namespace hexcore
