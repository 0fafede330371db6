#include "hexcore/isolate/gpu_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>

#include "hexcore/base/printable.hpp"
#include "hexcore/device/memory_holder.hpp"

namespace hexcore {
namespace {

using namespace std::chrono_literals;

/// The driver's own needs change a little with each process.
Bytes tolerance(Bytes total) { return std::max(256_MiB, Bytes(total.count() / 20)); }

}  // namespace

GpuReader::GpuReader(const GpuProbeOptions& options, const GpuPatience& patience)
    : patience_(patience),
      shared_(std::make_shared<Shared>()),
      thread_([shared = shared_, options](const std::atomic<bool>&) { read_all(*shared, options); },
              patience.again) {
    std::unique_lock lock(shared_->mutex);
    if (!shared_->told.wait_for(lock, patience_.first,
                                [this] { return shared_->readings_done > 0; })) {
        given_up_ = shared_->readings_begun;
    }
}

GpuReader::~GpuReader() {
    {
        const std::lock_guard lock(shared_->mutex);
        shared_->ends = true;
    }
    shared_->told.notify_all();
}

std::vector<TestMachine::Device> GpuReader::devices() const {
    const std::lock_guard lock(shared_->mutex);
    std::vector<TestMachine::Device> devices;
    for (const Gpu& gpu : shared_->gpus) {
        devices.push_back(gpu.device);
    }
    return devices;
}

void GpuReader::read_now() {
    std::unique_lock lock(shared_->mutex);
    const bool hangs =
        shared_->readings_begun == given_up_ && shared_->readings_done < shared_->readings_begun;
    if (shared_->gpus.empty() || hangs) {
        return;
    }
    // One that has begun may have looked already.
    const std::uint64_t enough = shared_->readings_begun + 1;
    shared_->is_wanted = true;
    shared_->told.notify_all();
    if (!shared_->told.wait_for(lock, patience_.again,
                                [&] { return shared_->readings_done >= enough; })) {
        given_up_ = shared_->readings_begun;
    }
}

std::vector<DeviceReading> GpuReader::take_readings() {
    const std::lock_guard lock(shared_->mutex);
    return std::exchange(shared_->readings, {});
}

bool GpuReader::tells_holders() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->tells_holders || shared_->gpus.empty();
}

std::string GpuReader::unreturned() const {
    const std::lock_guard lock(shared_->mutex);
    for (const Gpu& gpu : shared_->gpus) {
        const Bytes more = saturating_subtract(gpu.nobodys, gpu.nobodys_at_first);
        if (shared_->tells_holders && more > tolerance(gpu.device.total)) {
            return fmt::format("{} has {} in use that no process holds", gpu.device.name,
                               to_string(more));
        }
    }
    return "";
}

std::string GpuReader::holders(const std::vector<std::uint32_t>& except) const {
    const std::lock_guard lock(shared_->mutex);
    std::string text;
    for (const Gpu& gpu : shared_->gpus) {
        std::vector<MemoryOwner> others = gpu.holders;
        std::erase_if(others, [&](const MemoryOwner& owner) {
            return owner.bytes == Bytes{} ||
                   std::find(except.begin(), except.end(), owner.pid) != except.end();
        });
        std::sort(others.begin(), others.end(),
                  [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
        constexpr std::size_t most = 2;
        for (std::size_t place = 0; place < std::min(others.size(), most); ++place) {
            text += fmt::format("{}of {} {} (pid {}) {}", text.empty() ? "" : ", ", gpu.device.name,
                                shortened(others[place].name, 40), others[place].pid,
                                to_string(others[place].bytes));
        }
    }
    return text;
}

void GpuReader::read_all(Shared& shared, const GpuProbeOptions& options) {
    const GpuMeter meter(options);
    std::unique_lock lock(shared.mutex);
    while (!shared.ends) {
        ++shared.readings_begun;
        shared.is_wanted = false;
        lock.unlock();
        read_once(shared, meter);
        lock.lock();
        shared.readings_done = shared.readings_begun;
        shared.told.notify_all();
        if (meter.gpus().empty()) {
            return;
        }
        shared.told.wait_for(lock, 100ms, [&] { return shared.ends || shared.is_wanted; });
    }
}

void GpuReader::read_once(Shared& shared, const GpuMeter& meter) {
    std::vector<Gpu> gpus;
    std::vector<DeviceReading> readings;
    for (std::size_t index = 0; index < meter.gpus().size(); ++index) {
        const GpuMeter::Gpu& card = meter.gpus()[index];
        Gpu gpu{{card.name, card.total, card.total, card.uuid}, {}, {}, {}};
        DeviceReading one{card.name};
        if (const auto reading = meter.read(index)) {
            gpu.device.free = reading->free;
            gpu.nobodys = reading->used;
            for (const NvmlProcess& process : reading->processes) {
                const Bytes bytes = process.bytes.value_or(Bytes{});
                gpu.nobodys = saturating_subtract(gpu.nobodys, bytes);
                one.holders.push_back({process.pid, command_of({}, process.pid), bytes});
            }
        }
        gpu.holders = one.holders;
        gpus.push_back(std::move(gpu));
        readings.push_back(std::move(one));
    }
    const std::lock_guard lock(shared.mutex);
    for (std::size_t index = 0; index < gpus.size(); ++index) {
        gpus[index].nobodys_at_first =
            shared.readings_done > 0 ? shared.gpus[index].nobodys_at_first : gpus[index].nobodys;
    }
    shared.gpus = std::move(gpus);
    shared.tells_holders = meter.tells_own_pids();
    if (shared.tells_holders) {
        shared.readings = std::move(readings);
    }
}

}  // namespace hexcore
