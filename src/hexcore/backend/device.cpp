#include "hexcore/backend/device.hpp"

#include "hexcore/backend/execution/device_backend.hpp"
#include "hexcore/backend/execution/inner_backend.hpp"
#include "hexcore/backend/experts/expert_buffer.hpp"
#include "hexcore/backend/experts/expert_cache_memory.hpp"
#include "hexcore/backend/machine.hpp"

namespace hexcore {
namespace {

Bytes usable(const DeviceSpec& spec) { return saturating_subtract(spec.budget, spec.reserve); }

void get_memory(ggml_backend_dev_t handle, std::size_t* free, std::size_t* total) {
    const Budget& budget = device_of(handle).memory().budget();
    *free = budget.free().count();
    *total = budget.limit().count();
}

/// Where devices have events, libllama keeps several batches under way at once, unless a tensor has
/// a buffer type of its own, as experts have in Hexcore's own loads. In a stock program they don't;
/// there this would take four times the inputs' memory, which no plan foresees.
bool pipelines_by_itself(const Device& device) {
    return device.machine().size() > 1 && device.machine().layout().goes_by_name();
}

void get_props(ggml_backend_dev_t handle, ggml_backend_dev_props* props) {
    *props = {};
    props->name = device_of(handle).name().c_str();
    props->description = device_of(handle).description();
    props->type = GGML_BACKEND_DEVICE_TYPE_GPU;
    get_memory(handle, &props->memory_free, &props->memory_total);
    props->caps.mmap_support = true;
    if (ggml_backend_dev_t stock = device_of(handle).stock_device()) {
        ggml_backend_dev_props inner;
        ggml_backend_dev_get_props(stock, &inner);
        props->caps.async = inner.caps.async;
        props->caps.events = inner.caps.events && !pipelines_by_itself(device_of(handle));
        props->caps.host_buffer = device_of(handle).pinned_type() != nullptr;
    }
}

ggml_backend_buffer_type_t get_host_buffer_type(ggml_backend_dev_t handle) {
    return device_of(handle).pinned_type();
}

bool offload_op(ggml_backend_dev_t handle, const ggml_tensor* op) {
    ggml_backend_dev_t stock = device_of(handle).stock_device();
    return stock != nullptr && ggml_backend_dev_offload_op(stock, op);
}

// The inner device's own: it waits for it and frees it without our doing.
ggml_backend_event_t event_new(ggml_backend_dev_t handle) {
    return ggml_backend_event_new(device_of(handle).stock_device());
}

bool supports_op(ggml_backend_dev_t handle, const ggml_tensor* op) {
    for (int i = 0; i < GGML_MAX_SRC; ++i) {
        const ggml_tensor* source = op->src[i];
        if (source != nullptr && is_in_expert_buffer(*source) &&
            (op->op != GGML_OP_MUL_MAT_ID || i != 0)) {
            return false;
        }
    }
    return device_of(handle).supports(*op);
}

bool supports_buft(ggml_backend_dev_t handle, ggml_backend_buffer_type_t type) {
    Device& device = device_of(handle);
    return type == device.buffer_type() || type == device.expert_buffer_type();
}

constexpr ggml_backend_device_i device_interface = {
    [](ggml_backend_dev_t handle) { return device_of(handle).name().c_str(); },
    [](ggml_backend_dev_t handle) { return device_of(handle).description(); },
    get_memory,
    [](ggml_backend_dev_t) { return GGML_BACKEND_DEVICE_TYPE_GPU; },
    get_props,
    [](ggml_backend_dev_t handle, const char*) { return make_device_backend(device_of(handle)); },
    [](ggml_backend_dev_t handle) { return device_of(handle).buffer_type(); },
    get_host_buffer_type,
    nullptr,  // buffer_from_host_ptr
    supports_op,
    supports_buft,
    offload_op,
    event_new,
    nullptr,  // event_free: an event's device is the inner one
    nullptr,  // event_synchronize
};

}  // namespace

Device& device_of(ggml_backend_dev_t handle) { return *static_cast<Device*>(handle->context); }

Device& device_of(ggml_backend_buffer_type_t type) { return *static_cast<Device*>(type->context); }

Device::Device(Machine& machine, ggml_backend_reg_t registry, DeviceId id, const DeviceSpec& spec,
               Commitment commitment, ggml_backend_buffer_type_i buffer_type)
    : machine_(machine),
      id_(id),
      memory_(spec.name, usable(spec), commitment),
      expert_buffer_name_(spec.name + "_experts"),
      buffer_type_{buffer_type, &handle_, this},
      expert_buffer_type_(make_expert_buffer_type(*this)),
      handle_{device_interface, registry, this} {}

Result<ggml_backend_buffer_ptr> Device::allocate_experts(Bytes size, Purpose purpose) {
    ggml_backend_buffer_ptr buffer(allocate(size, purpose));
    if (!buffer) {
        return fail(ErrorCode::does_not_fit, "{} has no room for {} of {}", name(), to_string(size),
                    to_string(purpose));
    }
    return buffer;
}

void Device::reset_statistics() {
    memory_.ledger().reset_statistics();
    rows_.store(0);
    const std::lock_guard lock(mutex_);
    expert_cache_counts_ = {};
}

void Device::count_expert_cache(const ExpertCacheStats& more) {
    const std::lock_guard lock(mutex_);
    expert_cache_counts_ += more;
}

std::optional<ExpertCacheStats> Device::expert_cache_stats() const {
    const std::lock_guard lock(mutex_);
    if (expert_cache_ == nullptr) {
        return std::nullopt;
    }
    ExpertCacheStats stats = expert_cache_counts_;
    stats.slots = expert_cache_->slots();
    return stats;
}

bool Device::has_inner_backend() {
    const std::lock_guard lock(mutex_);
    return !inner_backend_.expired();
}

std::shared_ptr<InnerBackend> Device::inner_backend() {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<InnerBackend> backend = inner_backend_.lock();
    if (!backend) {
        backend = std::make_shared<InnerBackend>(*this);
        inner_backend_ = backend;
    }
    return backend;
}

}  // namespace hexcore
