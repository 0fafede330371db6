#include "hexcore/backend/experts/expert_buffer.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "hexcore/backend/machine.hpp"
#include "hexcore/backend/memory/simulated_buffer.hpp"

namespace hexcore {
namespace {

ExpertBuffer& context_of(ggml_backend_buffer_t buffer) {
    return static_cast<ExpertBuffer&>(*device_buffer(buffer));
}

// Not an address of anything: the bytes are in the shards. ggml wants one that is not null.
void* get_base(ggml_backend_buffer_t) { return reinterpret_cast<void*>(0x1000); }

ggml_status init_tensor(ggml_backend_buffer_t buffer, ggml_tensor* tensor) {
    return context_of(buffer).init_tensor(*tensor);
}

ShardedTensor& shards_of(const ggml_tensor& tensor) {
    HEXCORE_CHECK(tensor.extra != nullptr, tensor.name, "no shards");
    return *static_cast<ShardedTensor*>(tensor.extra);
}

void memset_tensor(ggml_backend_buffer_t, ggml_tensor* tensor, std::uint8_t value,
                   std::size_t offset, std::size_t size) {
    memset_shards(*tensor, value, offset, size);
}

void set_tensor(ggml_backend_buffer_t buffer, ggml_tensor* tensor, const void* data,
                std::size_t offset, std::size_t size) {
    set_shards(device_of(buffer->buft->device).machine(), *tensor, data, offset, size);
}

void get_tensor(ggml_backend_buffer_t, const ggml_tensor* tensor, void* data, std::size_t offset,
                std::size_t size) {
    get_shards(*tensor, data, offset, size);
}

void clear(ggml_backend_buffer_t buffer, std::uint8_t value) { context_of(buffer).clear(value); }

constexpr ggml_backend_buffer_i expert_buffer_interface = {
    free_device_buffer,
    get_base,
    init_tensor,
    memset_tensor,
    set_tensor,
    get_tensor,
    nullptr,  // set_tensor_2d
    nullptr,  // get_tensor_2d
    nullptr,  // cpy_tensor
    clear,
    nullptr,  // reset
};

const char* type_name(ggml_backend_buffer_type_t type) {
    return static_cast<Device*>(type->context)->expert_buffer_name().c_str();
}

}  // namespace

ggml_backend_buffer_type make_expert_buffer_type(Device& home) {
    return {
        {
            type_name,
            [](ggml_backend_buffer_type_t type, std::size_t size) {
                Device& device = *static_cast<Device*>(type->context);
                return ExpertBuffer::allocate(type, device.machine(), device.id(), size);
            },
            [](ggml_backend_buffer_type_t) { return std::size_t{32}; },
            nullptr,  // get_max_size
            nullptr,  // get_alloc_size
            nullptr,  // is_host: no
        },
        home.handle(),
        &home,
    };
}

std::string_view without_adapter_suffix(std::string_view name) {
    for (const std::string_view suffix : {".lora_a", ".lora_b"}) {
        if (name.size() > suffix.size() && name.ends_with(suffix)) {
            return name.substr(0, name.size() - suffix.size());
        }
    }
    return name;
}

bool is_in_expert_buffer(const ggml_tensor& tensor) {
    return tensor.buffer != nullptr &&
           (tensor.buffer->buft->iface.get_name == type_name || sharded(&tensor) != nullptr);
}

const ShardedTensor* sharded(const ggml_tensor* tensor) {
    const DeviceBuffer* buffer = tensor == nullptr ? nullptr : device_buffer(tensor->buffer);
    return buffer == nullptr || !buffer->has_sharded_tensors()
               ? nullptr
               : static_cast<const ShardedTensor*>(tensor->extra);
}

void memset_shards(const ggml_tensor& tensor, std::uint8_t value, std::size_t offset,
                   std::size_t size) {
    for (const ShardSlice& slice : slices_of(shards_of(tensor), tensor, offset, size)) {
        ggml_backend_tensor_memset(slice.shard, value, slice.shard_offset, slice.size);
    }
}

void set_shards(Machine& machine, const ggml_tensor& tensor, const void* data, std::size_t offset,
                std::size_t size) {
    TensorFiller* filler = machine.filler();
    for (const ShardSlice& slice : slices_of(shards_of(tensor), tensor, offset, size)) {
        // A shard has the tensor's name, but not its offsets in the file.
        const DeviceBuffer& buffer = *device_buffer(slice.shard->buffer);
        if (filler != nullptr &&
            filler->fill(tensor.name, slice.tensor_offset,
                         buffer.fill_target(*slice.shard, slice.shard_offset), slice.size)) {
            continue;
        }
        const auto* from = static_cast<const std::byte*>(data) + (slice.tensor_offset - offset);
        ggml_backend_tensor_set(slice.shard, from, slice.shard_offset, slice.size);
    }
}

void get_shards(const ggml_tensor& tensor, void* data, std::size_t offset, std::size_t size) {
    for (const ShardSlice& slice : slices_of(shards_of(tensor), tensor, offset, size)) {
        auto* to = static_cast<std::byte*>(data) + (slice.tensor_offset - offset);
        ggml_backend_tensor_get(slice.shard, to, slice.shard_offset, slice.size);
    }
}

const ExpertMap* expert_map_of(const ggml_tensor& tensor) {
    if (const ShardedTensor* shards = sharded(&tensor)) {
        return shards->map;
    }
    if (!is_in_expert_buffer(tensor)) {
        return nullptr;
    }
    const ExpertLayout& layout = device_of(tensor.buffer->buft).machine().layout();
    const ExpertLayout::Tensor* placed = layout.find(without_adapter_suffix(tensor.name));
    return placed == nullptr ? nullptr : placed->map;
}

std::vector<ShardSlice> slices_of(ShardedTensor& tensor, const ggml_tensor& whole,
                                  std::size_t offset, std::size_t size) {
    std::vector<ShardSlice> slices;
    const std::size_t expert_size = whole.nb[2];
    while (size > 0) {
        const std::size_t expert = offset / expert_size;
        const std::size_t within = offset % expert_size;
        const std::size_t count = std::min(size, expert_size - within);
        ggml_tensor& shard = tensor.shards[tensor.map->device_of(expert).value()];
        const std::size_t start = tensor.map->local_of(expert) * expert_size + within;
        if (!slices.empty() && slices.back().shard == &shard &&
            slices.back().shard_offset + slices.back().size == start) {
            slices.back().size += count;  // neighbours on one device stay one piece
        } else {
            slices.push_back({&shard, start, offset, count});
        }
        offset += count;
        size -= count;
    }
    return slices;
}

FillTarget ExpertBuffer::fill_target(const ggml_tensor& tensor, std::size_t) const {
    HEXCORE_CHECK(false, tensor.name, "has its bytes in shards");
    return {};
}

ExpertBuffer::ExpertBuffer(Machine& machine, DeviceId home) : machine_(machine), home_(home) {}

ExpertBuffer::~ExpertBuffer() {
    if (has_arenas_) {
        machine_.release_arenas(home_);
    }
}

ggml_backend_buffer_t ExpertBuffer::allocate(ggml_backend_buffer_type_t type, Machine& machine,
                                             DeviceId home, std::size_t size) {
    auto buffer = std::make_unique<ExpertBuffer>(machine, home);
    if (machine.claim_arenas(home)) {
        buffer->has_arenas_ = true;
        if (!buffer->take_arenas()) {
            return nullptr;
        }
    }
    return ggml_backend_buffer_init(
        type, interface_in(machine.device(home).memory(), expert_buffer_interface),
        static_cast<DeviceBuffer*>(buffer.release()), size);
}

Result<void> ExpertBuffer::take_arenas() {
    arenas_.resize(machine_.size());
    for (std::size_t device = 0; device < arenas_.size(); ++device) {
        const Bytes size = machine_.layout().arena(home_, DeviceId(device));
        if (size == Bytes{}) {
            continue;
        }
        HEXCORE_TRY(arena, machine_.device(DeviceId(device)).allocate_experts(size));
        arenas_[device] = std::move(arena);
    }
    return {};
}

ggml_status ExpertBuffer::init_tensor(ggml_tensor& tensor) {
    if (tensor.view_src != nullptr) {
        tensor.extra = tensor.view_src->extra;
        return GGML_STATUS_SUCCESS;
    }
    const std::string_view name = tensor.name;
    const std::string_view base = without_adapter_suffix(name);
    const ExpertLayout::Tensor* placed = machine_.layout().find(base);
    if (placed == nullptr || static_cast<std::size_t>(tensor.ne[2]) != placed->map->n_experts()) {
        return GGML_STATUS_FAILED;
    }
    return has_arenas_ && base == name ? place_shards(tensor, *placed->map, &placed->offset)
                                       : place_apart(tensor, *placed->map);
}

ggml_status ExpertBuffer::place_apart(ggml_tensor& tensor, const ExpertMap& map) {
    return place_shards(tensor, map, nullptr);
}

ggml_status ExpertBuffer::place_shards(ggml_tensor& tensor, const ExpertMap& map,
                                       const std::vector<Bytes>* offsets) {
    const bool is_adapter = without_adapter_suffix(tensor.name) != tensor.name;
    ShardedTensor& record = tensors_.emplace_back();
    record.map = &map;
    record.shards.resize(machine_.size());
    for (std::size_t i = 0; i < record.shards.size(); ++i) {
        const std::uint32_t count = map.count_on(DeviceId(i));
        if (count == 0) {
            continue;
        }
        ggml_tensor& shard = record.shards[i];
        shard = tensor;
        shard.ne[2] = count;
        shard.nb[3] = shard.nb[2] * count;
        shard.extra = nullptr;
        Bytes offset;
        if (offsets != nullptr) {
            shard.buffer = arenas_[i].get();
            offset = (*offsets)[i];
        } else {
            auto own = machine_.device(DeviceId(i))
                           .allocate_experts(ExpertLayout::shard_size(Bytes(shard.nb[3])),
                                             is_adapter ? Purpose::adapters : Purpose::experts);
            if (!own) {
                return GGML_STATUS_ALLOC_FAILED;
            }
            shard.buffer = own->get();
            single_.push_back(std::move(*own));
        }
        shard.data =
            static_cast<std::byte*>(ggml_backend_buffer_get_base(shard.buffer)) + offset.count();
        if (shard.buffer->iface.init_tensor != nullptr &&
            shard.buffer->iface.init_tensor(shard.buffer, &shard) != GGML_STATUS_SUCCESS) {
            return GGML_STATUS_FAILED;
        }
    }
    tensor.extra = &record;
    return GGML_STATUS_SUCCESS;
}

void ExpertBuffer::clear(std::uint8_t value) {
    for (auto* list : {&arenas_, &single_}) {
        for (const ggml_backend_buffer_ptr& arena : *list) {
            if (arena) {
                ggml_backend_buffer_clear(arena.get(), value);
            }
        }
    }
}

}  // namespace hexcore
