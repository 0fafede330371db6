#include "hexcore/runtime/parallel_reader.hpp"

#include <algorithm>
#include <chrono>
#include <new>
#include <system_error>

namespace hexcore {
namespace {

// Two read a warm page cache at the speed of memory; more help where a disk has queues.
constexpr int threads_to_memory = 4;
// While one copies to a device, others read.
constexpr int threads_that_stage = 8;
// Large enough that a system call costs nothing, small enough that readers end at the same time.
constexpr Bytes piece_bytes = 8_MiB;
constexpr std::size_t piece_size = piece_bytes.count();
// Nobody who gives up waits longer than for what was begun: a slow disk (10 MB/s) reads one step of
// each of eight threads in a fifth of a second.
constexpr std::size_t step_size = std::size_t{256} << 10U;
// What is still in a core's own cache when its numbers are looked at.
constexpr std::size_t checked_size = std::size_t{256} << 10U;

/// The whole blocks in `size` bytes, at least one.
std::size_t whole_blocks(std::size_t size, std::size_t block) {
    return std::max<std::size_t>(size / block, 1) * block;
}

}  // namespace

ReaderOptions ReaderOptions::to(const std::vector<DeviceSpec>& devices) {
    const bool stages = std::any_of(devices.begin(), devices.end(), [](const DeviceSpec& spec) {
        return spec.kind != DeviceKind::host;
    });
    return {.threads = stages ? threads_that_stage : threads_to_memory, .stages = stages};
}

Bytes ReaderOptions::staging() const {
    return stages ? static_cast<std::uint64_t>(threads) * piece_bytes : Bytes();
}

ParallelReader::ParallelReader(const Inventory& inventory, const ReaderOptions& options)
    : inventory_(inventory), options_(options) {
    for (const TensorInfo& tensor : inventory.tensors) {
        Source source{&tensor, {}};
        if (options.check_values) {
            source.check = ValueCheck::of(tensor.type);
        }
        sources_.emplace(tensor.name, source);
    }
}

Result<std::unique_ptr<ParallelReader>> ParallelReader::start(const Inventory& inventory,
                                                              const ReaderOptions& options) {
    std::unique_ptr<ParallelReader> reader(new ParallelReader(inventory, options));
    for (const auto& path : inventory.files) {
        auto file = open_file(path);
        if (!file) {
            return fail(ErrorCode::bad_input, "{}: {}", path.string(), file.error().message);
        }
        reader->files_.push_back(std::move(*file));
    }
    HEXCORE_TRY_VOID(reader->check_sizes());
    HEXCORE_TRY_VOID(reader->check_unchanged());
    HEXCORE_TRY_VOID(reader->allocate_staging());
    try {
        for (std::size_t i = 0; i < static_cast<std::size_t>(options.threads); ++i) {
            std::byte* const staging =
                options.stages ? static_cast<std::byte*>(
                                     ggml_backend_buffer_get_base(reader->staging_[i].buffer.get()))
                               : nullptr;
            reader->threads_.emplace_back(
                [raw = reader.get(), staging] { raw->read_pieces(staging); });
        }
    } catch (const std::system_error& error) {
        return fail(ErrorCode::does_not_fit,
                    "no thread to read the model with: {}; raise the limit that is in the way "
                    "(ulimit -u, pids.max of the control group)",
                    error.what());
    }
    return reader;
}

Result<void> ParallelReader::allocate_staging() {
    ggml_backend_buffer_type_t type =
        options_.staging_type != nullptr ? options_.staging_type : ggml_backend_cpu_buffer_type();
    for (int i = 0; options_.stages && i < options_.threads; ++i) {
        ggml_backend_buffer_ptr buffer;
        const auto allocate = [&]() -> Result<void> {
            buffer.reset(ggml_backend_buft_alloc_buffer(type, piece_size));
            if (!buffer) {
                return fail(ErrorCode::does_not_fit,
                            "no host memory for the {} times {} that tensors are staged in on "
                            "their way to devices",
                            options_.threads, to_string(piece_bytes));
            }
            return {};
        };
        HEXCORE_TRY(entry, options_.books->take(piece_bytes, Purpose::staging, allocate));
        staging_.push_back({std::move(entry), std::move(buffer)});
    }
    return {};
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

Result<void> ParallelReader::check_unchanged() const {
    for (std::size_t i = 0; i < files_.size(); ++i) {
        HEXCORE_TRY(now, files_[i]->stamp());
        HEXCORE_TRY(by_name, stamp_of(inventory_.files[i]));
        if (now != inventory_.stamps[i] || by_name != now) {
            return fail(ErrorCode::bad_input,
                        "{} was {} since its header was read, so what is loaded would be neither "
                        "the old model nor the new one; load it again once it stays as it is",
                        inventory_.files[i].string(),
                        now.inode == by_name.inode && now.device == by_name.device
                            ? "written to"
                            : "replaced by another file");
        }
    }
    return {};
}

Bytes ParallelReader::promised() const {
    const std::lock_guard lock(mutex_);
    return promised_;
}

bool ParallelReader::fill(std::string_view tensor, std::size_t offset, FillTarget to,
                          std::size_t size) {
    const auto found = sources_.find(tensor);
    if (found == sources_.end() || offset + size > found->second.tensor->bytes.count()) {
        return false;
    }
    const Source& source = found->second;
    std::byte* const address = to.address;
    const auto target =
        address == nullptr ? std::make_shared<const FillTarget>(std::move(to)) : nullptr;
    const std::size_t step =
        source.check ? whole_blocks(piece_size, source.check->block_bytes()) : piece_size;
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) {
            return false;
        }
        for (std::size_t done = 0; done < size; done += step) {
            pieces_.push_back({&source, offset + done,
                               address == nullptr ? nullptr : address + done,
                               std::min(step, size - done), target, done});
            ++unfinished_;
        }
        promised_ += Bytes(size);
    }
    work_.notify_all();
    return true;
}

Result<void> ParallelReader::bring(const Piece& piece, std::byte* staging) {
    if (piece.to == nullptr) {
        Piece on_the_way = piece;
        on_the_way.to = staging;
        HEXCORE_TRY_VOID(piece.source->check ? read_checked(on_the_way) : read(on_the_way));
        try {
            piece.target->write(piece.target_offset, staging, piece.size);
        } catch (const std::bad_alloc&) {  // of ggml's RPC client, which sends a copy
            return fail(ErrorCode::does_not_fit, "no host memory to send {} of tensor {}",
                        to_string(Bytes(piece.size)), piece.source->tensor->name);
        }
        return {};
    }
    return piece.source->check ? read_checked(piece) : read(piece);
}

Result<void> ParallelReader::read(const Piece& piece) {
    const TensorInfo& tensor = *piece.source->tensor;
    for (std::size_t done = 0; done < piece.size; done += step_size) {
        if (stopping_) {
            return fail(ErrorCode::interrupted, "reading was given up");
        }
        const std::size_t size = std::min(step_size, piece.size - done);
        HEXCORE_TRY_VOID(
            files_[tensor.file]
                ->read_at(tensor.offset_bytes + piece.offset + done, {piece.to + done, size})
                .map_error([&](Error error) {
                    error.message =
                        fmt::format("{}: tensor {}: {}", inventory_.files[tensor.file].string(),
                                    tensor.name, error.message);
                    return error;
                }));
        bytes_read_.fetch_add(size, std::memory_order_relaxed);
    }
    return {};
}

Result<void> ParallelReader::read_checked(const Piece& piece) {
    const ValueCheck& check = *piece.source->check;
    const TensorInfo& tensor = *piece.source->tensor;
    const std::size_t step = whole_blocks(checked_size, check.block_bytes());
    for (std::size_t done = 0; done < piece.size; done += step) {
        const Piece part{piece.source,    piece.offset + done,
                         piece.to + done, std::min(step, piece.size - done),
                         nullptr,         0};
        HEXCORE_TRY_VOID(read(part));
        if (const auto bad = check.first_bad_block({part.to, part.size})) {
            return fail(ErrorCode::bad_input,
                        {{Change::get_file_again}, {Change::skip_value_check}},
                        "{}: tensor {} has a NaN or an infinity at byte {} of the file, which is "
                        "damaged or was made badly",
                        inventory_.files[tensor.file].string(), tensor.name,
                        tensor.offset_bytes + part.offset + *bad);
        }
    }
    return {};
}

void ParallelReader::read_pieces(std::byte* staging) {
    std::unique_lock lock(mutex_);
    for (;;) {
        work_.wait(lock, [this] { return stopping_ || (reading_ && !pieces_.empty()); });
        if (stopping_) {
            return;
        }
        const Piece piece = pieces_.front();
        pieces_.pop_front();
        lock.unlock();
        auto result = bring(piece, staging);
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

Result<void> ParallelReader::finish(const std::function<bool(ReadProgress)>& progress) {
    std::unique_lock lock(mutex_);
    reading_ = true;
    work_.notify_all();
    const Bytes total = promised_;
    for (;;) {
        const bool over = done_.wait_for(lock, std::chrono::milliseconds(50), [this] {
            return unfinished_ == 0 || error_ || stopping_;
        });
        if (error_) {
            return tl::unexpected(*error_);
        }
        if (stopping_ && unfinished_ > 0) {
            return fail(ErrorCode::bad_input,
                        "{}: the load was given up with {} pieces of its tensors unread, though "
                        "libllama said it was complete",
                        inventory_.files.front().string(), unfinished_);
        }
        lock.unlock();
        const bool wanted = progress({bytes_read(), total});
        lock.lock();
        if (!wanted) {
            return fail(ErrorCode::interrupted,
                        "interrupted while loading; nothing is left allocated");
        }
        if (over) {
            return check_unchanged();
        }
    }
}

}  // namespace hexcore
