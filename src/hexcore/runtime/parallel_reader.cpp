#include "hexcore/runtime/parallel_reader.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>

namespace hexcore {
namespace {

// Large enough that a system call costs nothing, small enough that readers end at the same time.
constexpr std::size_t piece_size = std::size_t{8} << 20U;

}  // namespace

ParallelReader::ParallelReader(const Inventory& inventory) : inventory_(inventory) {
    for (const TensorInfo& tensor : inventory.tensors) {
        tensors_.emplace(tensor.name, &tensor);
    }
}

Result<std::unique_ptr<ParallelReader>> ParallelReader::start(const Inventory& inventory,
                                                              int n_threads) {
    std::unique_ptr<ParallelReader> reader(new ParallelReader(inventory));
    for (const auto& path : inventory.files) {
        HEXCORE_TRY(file, open_file(path));
        reader->files_.push_back(std::move(file));
    }
    HEXCORE_TRY_VOID(reader->check_sizes());
    try {
        for (int i = 0; i < n_threads; ++i) {
            reader->threads_.emplace_back([raw = reader.get()] { raw->read_pieces(); });
        }
    } catch (const std::system_error& error) {
        return fail(ErrorCode::does_not_fit, "no thread to read the model with: {}", error.what());
    }
    return reader;
}

void ParallelReader::abandon() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    work_.notify_all();
    for (std::thread& thread : threads_) {
        thread.join();
    }
    threads_.clear();
}

Result<void> ParallelReader::check_sizes() const {
    for (const TensorInfo& tensor : inventory_.tensors) {
        const std::uint64_t size = files_[tensor.file]->size();
        if (tensor.offset_bytes + tensor.bytes.count() > size) {
            return fail(
                ErrorCode::bad_input,
                "{} changed since it was read: it has {} bytes now and tensor {} ends at {}",
                inventory_.files[tensor.file].string(), size, tensor.name,
                tensor.offset_bytes + tensor.bytes.count());
        }
    }
    return {};
}

bool ParallelReader::fill(std::string_view tensor, std::size_t offset, std::byte* to,
                          std::size_t size) {
    const auto found = tensors_.find(tensor);
    if (found == tensors_.end() || offset + size > found->second->bytes.count()) {
        return false;
    }
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) {
            return false;
        }
        for (std::size_t done = 0; done < size; done += piece_size) {
            pieces_.push_back(
                {found->second, offset + done, to + done, std::min(piece_size, size - done)});
            ++unfinished_;
        }
    }
    work_.notify_all();
    return true;
}

Result<void> ParallelReader::read(const Piece& piece) const {
    return files_[piece.tensor->file]
        ->read_at(piece.tensor->offset_bytes + piece.offset, {piece.to, piece.size})
        .map_error([&](Error error) {
            error.message = fmt::format("tensor {}: {}", piece.tensor->name, error.message);
            return error;
        });
}

void ParallelReader::read_pieces() {
    std::unique_lock lock(mutex_);
    for (;;) {
        work_.wait(lock, [this] { return stopping_ || !pieces_.empty(); });
        if (stopping_) {
            return;
        }
        const Piece piece = pieces_.front();
        pieces_.pop_front();
        lock.unlock();
        auto result = read(piece);
        bytes_read_.fetch_add(piece.size, std::memory_order_relaxed);
        lock.lock();
        if (!result && !error_) {
            error_ = std::move(result.error());
        }
        --unfinished_;
        if (unfinished_ == 0 || error_) {
            done_.notify_all();
        }
    }
}

Result<void> ParallelReader::finish(const std::function<bool(Bytes)>& progress) {
    std::unique_lock lock(mutex_);
    for (;;) {
        const bool done = done_.wait_for(lock, std::chrono::milliseconds(50),
                                         [this] { return unfinished_ == 0 || error_; });
        if (error_) {
            return tl::unexpected(*error_);
        }
        lock.unlock();
        const bool wanted = progress(Bytes(bytes_read_.load(std::memory_order_relaxed)));
        lock.lock();
        if (!wanted) {
            return fail(ErrorCode::interrupted,
                        "interrupted while loading; nothing is left allocated");
        }
        if (done) {
            return {};
        }
    }
}

}  // namespace hexcore
