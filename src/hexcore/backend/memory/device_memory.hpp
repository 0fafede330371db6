#pragma once

#include <atomic>
#include <future>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

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

/// The memory of one device: a budget, and every block taken within it. A capped host device's
/// block is main memory that is committed when it is taken, as a GPU commits it; what backs another
/// device's is its owner's business. Safe to use from several threads.
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
        /// of the ggml buffer that owns it: weights, compute, or neither, which is the KV cache
        /// unless a tensor in it says otherwise (account_by_tensor).
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
    ~DeviceMemory() { drop_ahead(); }
    DeviceMemory(const DeviceMemory&) = delete;
    DeviceMemory& operator=(const DeviceMemory&) = delete;

    /// Takes and commits `size` bytes (> 0). Fails with ErrorCode::does_not_fit, leaving nothing;
    /// the failure is also kept for last_refusal(), since ggml's interface cannot carry it.
    [[nodiscard]] Result<std::unique_ptr<Block>> take(Bytes size);
    /// The same without main memory behind it: for memory that somebody else hands out.
    [[nodiscard]] Result<std::unique_ptr<Block>> take_elsewhere(Bytes size);

    /// Reserves blocks of these sizes at once and begins to commit them, one after the other, in a
    /// thread of its own: take() hands each to who asks for just that size, or tells why it could
    /// not be had. A size that was not foreseen ends this, as drop_ahead() does.
    void take_ahead(const std::vector<Bytes>& sizes);
    /// Gives back what was taken ahead and nobody asked for.
    void drop_ahead();

    /// What is held now, by purpose. The sum is the budget's used(), less what is taken ahead.
    [[nodiscard]] Usage accounted() const;
    /// What the kernel says is resident in this device's own mappings, which are main memory.
    [[nodiscard]] Result<Bytes> measured() const;
    /// The first refusal since it was last asked, if any.
    [[nodiscard]] std::optional<Error> last_refusal();
    /// Keeps why memory could not be had for last_refusal(), and tells the observer.
    void report_refusal(Error why);

    /// Set before any memory is taken; null: nobody.
    void set_observer(MemoryObserver* observer) { observer_ = observer; }

    [[nodiscard]] const Budget& budget() const { return budget_; }
    [[nodiscard]] bool is_simulated() const { return commitment_ == Commitment::simulated; }

private:
    struct Ahead {
        Reservation reservation;
        std::future<Result<HostMapping>> mapping;
    };
    [[nodiscard]] std::optional<Ahead> find_ahead(Bytes size);

    const Commitment commitment_;
    Budget budget_;
    mutable std::mutex mutex_;
    std::list<Block*> blocks_;
    std::optional<Error> refusal_;
    MemoryObserver* observer_ = nullptr;
    std::vector<Ahead> ahead_;  ///< of the thread that loads a model; needs no lock
    std::atomic<bool> ahead_is_dropped_{false};
    std::thread ahead_thread_;
};

}  // namespace hexcore
