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

#include "hexcore/backend/tensor_filler.hpp"
#include "hexcore/model/byte_source.hpp"
#include "hexcore/model/inventory.hpp"

namespace hexcore {

/// Reads a model's tensors with several threads, each piece by large reads straight to its place.
/// Every byte is read through the page cache: measured on a warm cache, one thread reads faster
/// into huge pages than it can copy from a mapping, and a short read is an error, not a SIGBUS.
class ParallelReader : public TensorFiller {
public:
    /// Opens the inventory's files and starts `n_threads` readers. Fails with ErrorCode::bad_input
    /// where a file cannot be opened or is too short by now, does_not_fit where the system has no
    /// thread left. The inventory must outlive the reader.
    [[nodiscard]] static Result<std::unique_ptr<ParallelReader>> start(const Inventory& inventory,
                                                                       int n_threads);
    ~ParallelReader() override { abandon(); }

    [[nodiscard]] bool fill(std::string_view tensor, std::size_t offset, std::byte* to,
                            std::size_t size) override;

    void abandon() override;

    /// Waits until all that was promised is written, reporting the bytes read so far about twenty
    /// times a second; stops early where that returns false, with ErrorCode::interrupted. Fails
    /// with bad_input where the file ends early or cannot be read, naming tensor and file.
    [[nodiscard]] Result<void> finish(const std::function<bool(Bytes)>& progress);

private:
    struct Piece {
        const TensorInfo* tensor;
        std::size_t offset;
        std::byte* to;
        std::size_t size;
    };

    explicit ParallelReader(const Inventory& inventory);
    void read_pieces();
    [[nodiscard]] Result<void> check_sizes() const;
    [[nodiscard]] Result<void> read(const Piece& piece) const;

    const Inventory& inventory_;
    std::unordered_map<std::string_view, const TensorInfo*> tensors_;
    std::vector<std::unique_ptr<ByteSource>> files_;
    std::vector<std::thread> threads_;
    std::mutex mutex_;
    std::condition_variable work_;
    std::condition_variable done_;
    std::deque<Piece> pieces_;
    std::size_t unfinished_ = 0;
    bool stopping_ = false;
    std::optional<Error> error_;
    std::atomic<std::uint64_t> bytes_read_{0};
};

}  // namespace hexcore
