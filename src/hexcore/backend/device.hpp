#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "ggml-backend-impl.h"
#include "ggml-cpp.h"
#include "hexcore/backend/memory/device_memory.hpp"
#include "hexcore/base/ids.hpp"
#include "hexcore/device/device_spec.hpp"
#include "hexcore/device/measured_by.hpp"
#include "hexcore/plan/expert_cache.hpp"

namespace hexcore {

class ExpertCacheMemory;
class InnerBackend;
class Machine;

/// One device of a Machine: to libllama a GPU with `budget - reserve` bytes, whose buffers are
/// accounted and refused by its DeviceMemory, and which computes through a ggml backend of its
/// kind, the *inner* one. What that is, and where its memory lies, is up to the classes derived
/// from it.
class Device {
public:
    virtual ~Device() = default;
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    [[nodiscard]] DeviceId id() const { return id_; }
    [[nodiscard]] const std::string& name() const { return memory_.budget().device_name(); }
    [[nodiscard]] DeviceMemory& memory() { return memory_; }
    [[nodiscard]] const DeviceMemory& memory() const { return memory_; }
    [[nodiscard]] Machine& machine() const { return machine_; }

    /// For llama_model_params::devices.
    [[nodiscard]] ggml_backend_dev_t handle() { return &handle_; }
    /// Where weights, KV cache and compute buffers of this device go.
    [[nodiscard]] ggml_backend_buffer_type_t buffer_type() { return &buffer_type_; }
    /// Where the merged expert tensors of the layers at home here go, shard by shard.
    [[nodiscard]] ggml_backend_buffer_type_t expert_buffer_type() { return &expert_buffer_type_; }
    [[nodiscard]] const std::string& expert_buffer_name() const { return expert_buffer_name_; }

    /// A buffer on this device for experts, accounted as these or as adapters of theirs.
    [[nodiscard]] Result<ggml_backend_buffer_ptr> allocate_experts(
        Bytes size, Purpose purpose = Purpose::experts);

    /// Where copies of experts that lie in main memory go, for the layers at home here; null where
    /// there is no such place. It changes only when a model is loaded or unloaded.
    [[nodiscard]] ExpertCacheMemory* expert_cache() const { return expert_cache_; }
    /// By that memory itself.
    void set_expert_cache(ExpertCacheMemory* memory) { expert_cache_ = memory; }
    /// Adds what those who compute with it found there; `slots` of it counts for nothing.
    void count_expert_cache(const ExpertCacheStats& more);
    /// Since it was made, or reset_statistics(); nothing where there is no cache.
    [[nodiscard]] std::optional<ExpertCacheStats> expert_cache_stats() const;

    /// What it is, in words, for people who list devices.
    [[nodiscard]] virtual const char* description() const = 0;
    /// Whether bytes of its buffers can be written to by address.
    [[nodiscard]] virtual bool is_host() const = 0;
    /// The device as ggml has it without Hexcore; null for one that is main memory.
    [[nodiscard]] virtual ggml_backend_dev_t stock_device() const { return nullptr; }
    /// What the kernel or the driver says that this device's memory takes; nothing where neither
    /// can tell.
    [[nodiscard]] virtual Result<std::optional<Bytes>> measured() const = 0;
    /// Where that number comes from.
    [[nodiscard]] virtual MeasuredBy measured_by() const { return MeasuredBy::kernel; }
    /// Taken on the device besides all buffers for as long as a model is loaded: what the driver
    /// and the inner backend keep for themselves. Planned and accounted as staging.
    [[nodiscard]] virtual Bytes overhead() const { return {}; }
    /// The part of it that is taken already, before a model is loaded.
    [[nodiscard]] virtual Bytes overhead_taken() const { return {}; }
    /// Host memory from and to which copies of this device are fastest; null: any.
    [[nodiscard]] virtual ggml_backend_buffer_type_t pinned_type() const { return nullptr; }

    /// The inner backend's answer for an operation, whose tensors may have no buffers yet.
    [[nodiscard]] virtual bool supports(const ggml_tensor& op) = 0;
    /// The one inner backend that computes on this device, for all who do at a time; it goes when
    /// the last of them lets go.
    [[nodiscard]] std::shared_ptr<InnerBackend> inner_backend();
    /// Whether anybody has it at this moment.
    [[nodiscard]] bool has_inner_backend();
    /// A ggml backend of the device's kind. Null where it cannot start.
    [[nodiscard]] virtual ggml_backend_t start_inner_backend() = 0;
    /// Rows (a token for one of its chosen experts) that this device computed, in one product.
    void count_rows(std::uint64_t rows) { rows_.fetch_add(rows, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t rows_computed() const { return rows_.load(); }
    /// Peak, refusals, rows and what was counted of the expert cache are as when it was made. Not
    /// while it is used.
    void reset_statistics();

protected:
    Device(Machine& machine, ggml_backend_reg_t registry, DeviceId id, const DeviceSpec& spec,
           Commitment commitment, ggml_backend_buffer_type_i buffer_type);

    /// As ggml_backend_buft_alloc_buffer(), under a purpose that is known.
    [[nodiscard]] virtual ggml_backend_buffer_t allocate(Bytes size, Purpose purpose) = 0;

private:
    Machine& machine_;
    const DeviceId id_;
    DeviceMemory memory_;
    std::string expert_buffer_name_;
    ggml_backend_buffer_type buffer_type_;
    ggml_backend_buffer_type expert_buffer_type_;
    ggml_backend_device handle_;
    mutable std::mutex mutex_;
    std::weak_ptr<InnerBackend> inner_backend_;
    std::atomic<std::uint64_t> rows_{0};
    ExpertCacheMemory* expert_cache_ = nullptr;
    ExpertCacheStats expert_cache_counts_;
};

/// The device that a ggml device of ours stands for.
[[nodiscard]] Device& device_of(ggml_backend_dev_t handle);
/// The device whose buffer type that is.
[[nodiscard]] Device& device_of(ggml_backend_buffer_type_t type);

}  // namespace hexcore
