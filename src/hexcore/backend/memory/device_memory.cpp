#include "hexcore/backend/memory/device_memory.hpp"

#include <algorithm>
#include <limits>
#include <system_error>
#include <vector>

#include "ggml-backend-impl.h"

namespace hexcore {
namespace {

Purpose purpose_of(const ggml_backend_buffer& buffer) {
    switch (buffer.usage) {
        case GGML_BACKEND_BUFFER_USAGE_WEIGHTS:
            return Purpose::weights;
        case GGML_BACKEND_BUFFER_USAGE_COMPUTE:
            return Purpose::compute;
        case GGML_BACKEND_BUFFER_USAGE_ANY:
            break;
    }
    return Purpose::kv;
}

}  // namespace

DeviceMemory::Block::Block(DeviceMemory& memory, LedgerEntry entry, HostMapping mapping)
    : memory_(memory), entry_(std::move(entry)), mapping_(std::move(mapping)) {
    const std::lock_guard lock(memory_.mutex_);
    position_ = memory_.blocks_.insert(memory_.blocks_.end(), this);
}

DeviceMemory::Block::~Block() {
    entry_.write_off();  // while it can still be measured
    const std::lock_guard lock(memory_.mutex_);
    memory_.blocks_.erase(position_);
}

void* DeviceMemory::Block::data() const {
    // ggml computes with the addresses of simulated memory, but nothing may look behind them.
    return memory_.commitment_ == Commitment::committed ? mapping_.data()
                                                        : reinterpret_cast<void*>(0x100000);
}

void DeviceMemory::Block::set_owner(const ggml_backend_buffer& owner) {
    entry_.label_as_shown([&owner] { return purpose_of(owner); });
}

DeviceMemory::DeviceMemory(std::string device_name, Bytes limit, Commitment commitment)
    : commitment_(commitment),
      ledger_(std::move(device_name), commitment == Commitment::committed
                                          ? limit
                                          : Bytes(std::numeric_limits<std::uint64_t>::max())) {}

Result<std::unique_ptr<DeviceMemory::Block>> DeviceMemory::take(Bytes size, Purpose purpose) {
    if (auto ahead = find_ahead(size)) {
        auto mapping = ahead->mapping.get();
        if (!mapping) {
            ahead.reset();
            ledger_.refuse(mapping.error(), size, purpose);
            return tl::unexpected(std::move(mapping.error()));
        }
        ahead->entry.label(purpose);
        return std::make_unique<Block>(*this, std::move(ahead->entry), std::move(*mapping));
    }
    HostMapping mapping;
    const auto commit = [&]() -> Result<void> {
        if (commitment_ == Commitment::committed) {
            HEXCORE_TRY(committed, HostMapping::create(size, budget().device_name()));
            mapping = std::move(committed);
        }
        return {};
    };
    HEXCORE_TRY(entry, ledger_.take(size, purpose, commit));
    return std::make_unique<Block>(*this, std::move(entry), std::move(mapping));
}

Result<std::unique_ptr<DeviceMemory::Block>> DeviceMemory::take_elsewhere(
    Bytes size, Purpose purpose, const std::function<Result<void>()>& get) {
    HEXCORE_TRY(entry, ledger_.take(size, purpose, get));
    return std::make_unique<Block>(*this, std::move(entry), HostMapping());
}

void DeviceMemory::take_ahead(const std::vector<Bytes>& sizes) {
    HEXCORE_CHECK(ahead_.empty() && !ahead_thread_.joinable(), budget().device_name(),
                  "already takes ahead");
    ahead_is_dropped_ = false;
    std::vector<std::promise<Result<HostMapping>>> promises;
    for (const Bytes size : sizes) {
        auto entry = ledger_.take_ahead(size);
        if (!entry) {
            break;  // take() will say so
        }
        promises.emplace_back();
        ahead_.push_back({std::move(*entry), promises.back().get_future()});
    }
    auto commit = [this, sizes, promises = std::move(promises)]() mutable {
        for (std::size_t i = 0; i < promises.size(); ++i) {
            promises[i].set_value(ahead_is_dropped_
                                      ? Result<HostMapping>()
                                      : HostMapping::create(sizes[i], budget().device_name()));
        }
    };
    try {
        ahead_thread_ = std::thread(std::move(commit));
    } catch (const std::system_error&) {
        ahead_.clear();  // then each block is committed when it is asked for
    }
}

std::optional<DeviceMemory::Ahead> DeviceMemory::find_ahead(Bytes size) {
    const auto found = std::find_if(ahead_.begin(), ahead_.end(), [size](const Ahead& ahead) {
        return ahead.entry.size() == size;
    });
    if (found == ahead_.end()) {
        drop_ahead();  // or it would stand in the way of what is asked for
        return std::nullopt;
    }
    Ahead ahead = std::move(*found);
    ahead_.erase(found);
    return ahead;
}

void DeviceMemory::drop_ahead() {
    ahead_is_dropped_ = true;
    if (ahead_thread_.joinable()) {
        ahead_thread_.join();
    }
    ahead_.clear();
}

Result<Bytes> DeviceMemory::measured() const {
    const std::lock_guard lock(mutex_);
    std::vector<AddressRange> ranges;
    ranges.reserve(blocks_.size());
    for (const Block* block : blocks_) {
        ranges.push_back(block->mapping_.range());
    }
    return resident_bytes(ranges);
}

}  // namespace hexcore
