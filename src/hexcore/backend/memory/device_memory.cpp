#include "hexcore/backend/memory/device_memory.hpp"

#include <algorithm>
#include <limits>
#include <system_error>
#include <vector>

namespace hexcore {

DeviceMemory::Block::Block(DeviceMemory& memory, Reservation reservation, HostMapping mapping)
    : memory_(memory), reservation_(std::move(reservation)), mapping_(std::move(mapping)) {
    const std::lock_guard lock(memory_.mutex_);
    position_ = memory_.blocks_.insert(memory_.blocks_.end(), this);
}

DeviceMemory::Block::~Block() {
    if (memory_.observer_ != nullptr) {
        memory_.observer_->releasing(memory_);
    }
    const std::lock_guard lock(memory_.mutex_);
    memory_.blocks_.erase(position_);
}

void* DeviceMemory::Block::data() const {
    // ggml computes with the addresses of simulated memory, but nothing may look behind them.
    return memory_.commitment_ == Commitment::committed ? mapping_.data()
                                                        : reinterpret_cast<void*>(0x100000);
}

Purpose DeviceMemory::Block::purpose() const {
    if (purpose_) {
        return *purpose_;
    }
    if (owner_ == nullptr) {
        return Purpose::compute;
    }
    switch (ggml_backend_buffer_get_usage(owner_)) {
        case GGML_BACKEND_BUFFER_USAGE_WEIGHTS:
            return Purpose::weights;
        case GGML_BACKEND_BUFFER_USAGE_COMPUTE:
            return Purpose::compute;
        case GGML_BACKEND_BUFFER_USAGE_ANY:
            return Purpose::kv;
    }
    return Purpose::kv;
}

DeviceMemory::DeviceMemory(std::string device_name, Bytes limit, Commitment commitment)
    : commitment_(commitment),
      budget_(std::move(device_name), commitment == Commitment::committed
                                          ? limit
                                          : Bytes(std::numeric_limits<std::uint64_t>::max())) {}

Result<std::unique_ptr<DeviceMemory::Block>> DeviceMemory::take(Bytes size) {
    auto attempt = [&]() -> Result<std::unique_ptr<Block>> {
        if (auto ahead = find_ahead(size)) {
            HEXCORE_TRY(mapping, ahead->mapping.get());
            return std::make_unique<Block>(*this, std::move(ahead->reservation),
                                           std::move(mapping));
        }
        HEXCORE_TRY(reservation, budget_.reserve(size));
        HEXCORE_TRY(mapping, commitment_ == Commitment::committed
                                 ? HostMapping::create(size, budget_.device_name())
                                 : Result<HostMapping>(HostMapping()));
        return std::make_unique<Block>(*this, std::move(reservation), std::move(mapping));
    };
    auto block = attempt();
    if (!block) {
        report_refusal(block.error());
    }
    return block;
}

void DeviceMemory::report_refusal(Error why) {
    if (observer_ != nullptr) {
        observer_->refused(*this, why);
    }
    const std::lock_guard lock(mutex_);
    if (!refusal_) {
        refusal_ = std::move(why);
    }
}

Result<std::unique_ptr<DeviceMemory::Block>> DeviceMemory::take_elsewhere(Bytes size) {
    auto reservation = budget_.reserve(size);
    if (!reservation) {
        report_refusal(reservation.error());
        return tl::unexpected(reservation.error());
    }
    return std::make_unique<Block>(*this, std::move(*reservation), HostMapping());
}

void DeviceMemory::take_ahead(const std::vector<Bytes>& sizes) {
    HEXCORE_CHECK(ahead_.empty() && !ahead_thread_.joinable(), budget_.device_name(),
                  "already takes ahead");
    ahead_is_dropped_ = false;
    std::vector<std::promise<Result<HostMapping>>> promises;
    for (const Bytes size : sizes) {
        auto reservation = budget_.reserve(size);
        if (!reservation) {
            break;  // take() will say so
        }
        promises.emplace_back();
        ahead_.push_back({std::move(*reservation), promises.back().get_future()});
    }
    auto commit = [this, sizes, promises = std::move(promises)]() mutable {
        for (std::size_t i = 0; i < promises.size(); ++i) {
            promises[i].set_value(ahead_is_dropped_
                                      ? Result<HostMapping>()
                                      : HostMapping::create(sizes[i], budget_.device_name()));
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
        return ahead.reservation.size() == size;
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

Usage DeviceMemory::accounted() const {
    const std::lock_guard lock(mutex_);
    Usage usage;
    for (const Block* block : blocks_) {
        switch (block->purpose()) {
            case Purpose::weights:
                usage.weights += block->size();
                break;
            case Purpose::experts:
                usage.experts += block->size();
                break;
            case Purpose::kv:
                usage.kv += block->size();
                break;
            case Purpose::recurrent:
                usage.recurrent += block->size();
                break;
            case Purpose::compute:
                usage.compute += block->size();
                break;
            case Purpose::staging:
                usage.staging += block->size();
                break;
        }
    }
    return usage;
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

std::optional<Error> DeviceMemory::last_refusal() {
    const std::lock_guard lock(mutex_);
    return std::exchange(refusal_, std::nullopt);
}

}  // namespace hexcore
