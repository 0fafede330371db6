#pragma once

#include <atomic>
#include <functional>
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
#include "hexcore/device/host_arena.hpp"
#include "hexcore/ledger/ledger.hpp"

namespace hexcore {

/// Whether a device's memory is taken in earnest.
enum class Commitment {
    committed,  ///< within the budget, every page in main memory
    simulated,  ///< counted only, without limit; for dry runs, which never touch what they allocate
};

/// The memory of one device, as its Ledger has it, and what is behind each entry. A capped host
/// device's block is main memory that is committed when it is taken, as a GPU commits it; what
/// backs another device's is its owner's business. Safe to use from several threads.
class DeviceMemory {
public:
    /// One committed piece of the device. Returns itself.
    class Block {
    public:
        Block(DeviceMemory& memory, LedgerEntry entry, HostMapping mapping);
        ~Block();
        Block(const Block&) = delete;
        Block& operator=(const Block&) = delete;

        [[nodiscard]] void* data() const;
        [[nodiscard]] Bytes size() const { return entry_.size(); }

        /// A block is accounted under the purpose that it was taken for until one of these is
        /// called. `owner`: under what libllama says of that ggml buffer: weights, compute, or
        /// neither, which is the KV cache unless a tensor in it says otherwise (account_by_tensor).
        void set_purpose(Purpose purpose) { entry_.label(purpose); }
        void set_owner(const ggml_backend_buffer& owner);

    private:
        friend class DeviceMemory;
        DeviceMemory& memory_;
        LedgerEntry entry_;  ///< before the mapping, so that its bytes are free when that is gone
        HostMapping mapping_;
        std::list<Block*>::iterator position_;
    };

    DeviceMemory(std::string device_name, Bytes limit, Commitment commitment);
    ~DeviceMemory() { drop_ahead(); }
    DeviceMemory(const DeviceMemory&) = delete;
    DeviceMemory& operator=(const DeviceMemory&) = delete;

    /// Takes and commits `size` bytes (> 0). Fails with ErrorCode::does_not_fit, leaving nothing;
    /// the ledger keeps the failure, since ggml's interface cannot carry it.
    [[nodiscard]] Result<std::unique_ptr<Block>> take(Bytes size, Purpose purpose);
    /// The same without main memory behind it: for memory that somebody else hands out, by `get`
    /// where it can be refused.
    [[nodiscard]] Result<std::unique_ptr<Block>> take_elsewhere(
        Bytes size, Purpose purpose, const std::function<Result<void>()>& get = {});

    /// Reserves blocks of these sizes at once and begins to commit them, one after the other, in a
    /// thread of its own: take() hands each to who asks for just that size, or tells why it could
    /// not be had. A size that was not foreseen ends this, as drop_ahead() does.
    void take_ahead(const std::vector<Bytes>& sizes);
    /// Gives back what was taken ahead and nobody asked for.
    void drop_ahead();

    [[nodiscard]] Ledger& ledger() { return ledger_; }
    /// What is held now, by purpose.
    [[nodiscard]] Usage accounted() const { return ledger_.accounted(); }
    [[nodiscard]] const Budget& budget() const { return ledger_.budget(); }
    /// What the kernel says is resident in this device's own mappings, which are main memory.
    [[nodiscard]] Result<Bytes> measured() const;
    [[nodiscard]] bool is_simulated() const { return commitment_ == Commitment::simulated; }

private:
    struct Ahead {
        LedgerEntry entry;
        std::future<Result<HostMapping>> mapping;
    };
    [[nodiscard]] std::optional<Ahead> find_ahead(Bytes size);

    const Commitment commitment_;
    mutable Ledger ledger_;  ///< looks what buffers are for when it is asked
    mutable std::mutex mutex_;
    std::list<Block*> blocks_;
    std::vector<Ahead> ahead_;  ///< of the thread that loads a model; needs no lock
    std::atomic<bool> ahead_is_dropped_{false};
    std::thread ahead_thread_;
};

}  // namespace hexcore
