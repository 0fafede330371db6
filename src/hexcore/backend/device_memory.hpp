#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "ggml-backend.h"
#include "hexcore/base/result.hpp"
#include "hexcore/device/budget.hpp"
#include "hexcore/device/host_arena.hpp"
#include "hexcore/plan/plan.hpp"

namespace hexcore {

/// Whether a device's memory is taken in earnest.
enum class Commitment {
    committed,  ///< within the budget, every page in main memory
    simulated,  ///< counted only, without limit; for dry runs, which never touch what they allocate
};

class DeviceMemory;

/// Told what happens to a device's memory, on the thread where it happens. Must outlive it.
class MemoryObserver {
public:
    virtual ~MemoryObserver() = default;
    /// A block is about to be returned; everything is still accounted.
    virtual void releasing(const DeviceMemory& memory) = 0;
    /// Memory was refused, or what was to be loaded does not match the plan.
    virtual void refused(const DeviceMemory& memory, const Error& why) = 0;
};

/// The memory of one capped host device: a budget, and every block taken within it. A block is
/// committed when it is taken, as a GPU commits it. Safe to use from several threads.
class DeviceMemory {
public:
    /// One committed piece of the device. Returns itself.
    class Block {
    public:
        Block(DeviceMemory& memory, Reservation reservation, HostMapping mapping);
        ~Block();
        Block(const Block&) = delete;
        Block& operator=(const Block&) = delete;

        [[nodiscard]] void* data() const;
        [[nodiscard]] Bytes size() const { return reservation_.size(); }

        /// A block is accounted under `purpose`, or, while that is unknown, by what libllama says
        /// of the ggml buffer that owns it: weights, compute, or neither, which is the KV cache.
        void set_purpose(Purpose purpose) { purpose_ = purpose; }
        void set_owner(ggml_backend_buffer_t owner) { owner_ = owner; }
        [[nodiscard]] Purpose purpose() const;

    private:
        friend class DeviceMemory;
        DeviceMemory& memory_;
        Reservation reservation_;
        HostMapping mapping_;
        std::optional<Purpose> purpose_;
        ggml_backend_buffer_t owner_ = nullptr;
        std::list<Block*>::iterator position_;
    };

    DeviceMemory(std::string device_name, Bytes limit, Commitment commitment);

    /// Takes and commits `size` bytes (> 0). Fails with ErrorCode::does_not_fit, leaving nothing;
    /// the failure is also kept for last_refusal(), since ggml's interface cannot carry it.
    [[nodiscard]] Result<std::unique_ptr<Block>> take(Bytes size);

    /// What is held now, by purpose. The sum is the budget's used().
    [[nodiscard]] Usage accounted() const;
    /// What the kernel says is resident in this device's own mappings.
    [[nodiscard]] Result<Bytes> measured() const;
    /// The first refusal since it was last asked, if any.
    [[nodiscard]] std::optional<Error> last_refusal();
    /// Keeps `why` for last_refusal() and tells the observer.
    void report_refusal(Error why);

    /// Set before any memory is taken; null: nobody.
    void set_observer(MemoryObserver* observer) { observer_ = observer; }

    [[nodiscard]] const Budget& budget() const { return budget_; }

private:
    const Commitment commitment_;
    Budget budget_;
    mutable std::mutex mutex_;
    std::list<Block*> blocks_;
    std::optional<Error> refusal_;
    MemoryObserver* observer_ = nullptr;
};

}  // namespace hexcore
