#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "ggml-backend.h"
#include "ggml-cpp.h"
#include "hexcore/backend/memory/tensor_filler.hpp"
#include "hexcore/device/device_spec.hpp"
#include "hexcore/ledger/ledger.hpp"
#include "hexcore/model/byte_source.hpp"
#include "hexcore/model/inventory.hpp"
#include "hexcore/runtime/load_options.hpp"
#include "hexcore/runtime/value_check.hpp"

namespace hexcore {

struct ReaderOptions {
    /// For tensors that go to these devices.
    [[nodiscard]] static ReaderOptions to(const std::vector<DeviceSpec>& devices);

    /// Host memory that the readers take for as long as they read.
    [[nodiscard]] Bytes staging() const;

    int threads = 1;
    bool check_values = false;  ///< look at every number for NaN and infinity, at some cost
    /// Whether something goes to a device that is not main memory, by way of staging memory, of
    /// which each reader then has some from the start.
    bool stages = false;
    /// Where that is allocated. Null: ordinary memory; else pinned.
    ggml_backend_buffer_type_t staging_type = nullptr;
    Ledger* books = nullptr;  ///< where that is entered; needed where there is some
};

/// Reads a model's tensors with several threads, each piece by large reads straight to its place.
/// Every byte is read through the page cache: measured on a warm cache, one thread reads faster
/// into huge pages than it can copy from a mapping, and a short read is an error, not a SIGBUS.
/// Nothing is read before finish(): whoever still has something to allocate can fail until then.
class ParallelReader : public TensorFiller {
public:
    /// Opens the inventory's files and starts the readers, which wait. Fails with
    /// ErrorCode::bad_input where a file cannot be opened or is not what the inventory was read
    /// from, does_not_fit where the system has no thread or staging memory left. The inventory must
    /// outlive the reader.
    [[nodiscard]] static Result<std::unique_ptr<ParallelReader>> start(
        const Inventory& inventory, const ReaderOptions& options);
    ~ParallelReader() override { abandon(); }

    [[nodiscard]] bool fill(std::string_view tensor, std::size_t offset, FillTarget to,
                            std::size_t size) override;

    void abandon() override;

    /// Reads all that was promised, reporting how far it is about twenty times a second; stops
    /// early where that returns false, with ErrorCode::interrupted. Fails with bad_input where a
    /// file ends early, cannot be read, was written to or replaced meanwhile or, if asked for, has
    /// a NaN or infinity, naming tensor and file; also after abandon().
    [[nodiscard]] Result<void> finish(const std::function<bool(ReadProgress)>& progress);

    [[nodiscard]] Bytes promised() const;
    [[nodiscard]] Bytes bytes_read() const { return Bytes(bytes_read_.load()); }

private:
    struct Source {
        const TensorInfo* tensor;
        std::optional<ValueCheck> check;
    };
    struct Piece {
        const Source* source;
        std::size_t offset;
        std::byte* to;  ///< null: by way of a reader's staging memory, to `target`
        std::size_t size;
        std::shared_ptr<const FillTarget> target = {};
        std::size_t target_offset = 0;
    };

    ParallelReader(const Inventory& inventory, const ReaderOptions& options);
    void read_pieces(std::byte* staging);
    [[nodiscard]] Result<void> allocate_staging();
    [[nodiscard]] Result<void> check_sizes() const;
    /// Whether each file still is the one that the inventory was read from, behind our descriptor
    /// and behind its name, by which libllama opens it.
    [[nodiscard]] Result<void> check_unchanged() const;
    [[nodiscard]] Result<void> bring(const Piece& piece, std::byte* staging);
    /// Stops early, as interrupted, once the reader was abandoned.
    [[nodiscard]] Result<void> read(const Piece& piece);
    [[nodiscard]] Result<void> read_checked(const Piece& piece);

    const Inventory& inventory_;
    const ReaderOptions options_;
    std::unordered_map<std::string_view, Source> sources_;
    std::vector<std::unique_ptr<ByteSource>> files_;
    struct Staging {
        LedgerEntry entry;
        ggml_backend_buffer_ptr buffer;  ///< after the entry, so that it goes first
    };
    std::vector<Staging> staging_;  ///< [reader], where it stages
    std::vector<std::thread> threads_;
    mutable std::mutex mutex_;
    std::condition_variable work_;
    std::condition_variable done_;
    std::deque<Piece> pieces_;
    std::size_t unfinished_ = 0;
    Bytes promised_;
    bool reading_ = false;
    std::atomic<bool> stopping_ = false;  ///< set under mutex_
    std::optional<Error> error_;
    std::atomic<std::uint64_t> bytes_read_{0};
};

}  // namespace hexcore
