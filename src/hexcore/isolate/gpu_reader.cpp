#include "hexcore/isolate/gpu_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "hexcore/base/printable.hpp"
#include "hexcore/device/memory_holder.hpp"

namespace hexcore {
namespace {

using namespace std::chrono_literals;

/// The driver's own needs change a little with each process.
Bytes tolerance(Bytes total) { return std::max(256_MiB, Bytes(total.count() / 20)); }

}  // namespace

GpuReader::GpuReader(const GpuProbeOptions& options)
    : thread_([this, options] { read_all(options); }) {
    std::unique_lock lock(mutex_);
    told_.wait(lock, [this] { return readings_done_ > 0; });
}

GpuReader::~GpuReader() {
    {
        const std::lock_guard lock(mutex_);
        ends_ = true;
    }
    told_.notify_all();
    thread_.join();
}

std::vector<TestMachine::Device> GpuReader::devices() const {
    const std::lock_guard lock(mutex_);
    std::vector<TestMachine::Device> devices;
    for (const Gpu& gpu : gpus_) {
        devices.push_back(gpu.device);
    }
    return devices;
}

void GpuReader::read_now() {
    std::unique_lock lock(mutex_);
    if (gpus_.empty()) {
        return;
    }
    // One that has begun may have looked already.
    const std::uint64_t enough = readings_begun_ + 1;
    is_wanted_ = true;
    told_.notify_all();
    told_.wait(lock, [&] { return readings_done_ >= enough; });
}

std::vector<DeviceReading> GpuReader::take_readings() {
    const std::lock_guard lock(mutex_);
    return std::exchange(readings_, {});
}

bool GpuReader::tells_holders() const {
    const std::lock_guard lock(mutex_);
    return tells_holders_ || gpus_.empty();
}

std::string GpuReader::unreturned() const {
    const std::lock_guard lock(mutex_);
    for (const Gpu& gpu : gpus_) {
        const Bytes more = saturating_subtract(gpu.nobodys, gpu.nobodys_at_first);
        if (tells_holders_ && more > tolerance(gpu.device.total)) {
            return fmt::format("{} has {} in use that no process holds", gpu.device.name,
                               to_string(more));
        }
    }
    return "";
}

std::string GpuReader::holders(const std::vector<std::uint32_t>& except) const {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const Gpu& gpu : gpus_) {
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

void GpuReader::read_all(const GpuProbeOptions& options) {
    const GpuMeter meter(options);
    while (true) {
        read_once(meter);
        std::unique_lock lock(mutex_);
        readings_done_ = readings_begun_;
        told_.notify_all();
        if (meter.gpus().empty()) {
            told_.wait(lock, [this] { return ends_; });
            return;
        }
        told_.wait_for(lock, 100ms, [this] { return ends_ || is_wanted_; });
        if (ends_) {
            return;
        }
    }
}

void GpuReader::read_once(const GpuMeter& meter) {
    {
        const std::lock_guard lock(mutex_);
        ++readings_begun_;
        is_wanted_ = false;
    }
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
    const std::lock_guard lock(mutex_);
    for (std::size_t index = 0; index < gpus.size(); ++index) {
        gpus[index].nobodys_at_first =
            readings_done_ > 0 ? gpus_[index].nobodys_at_first : gpus[index].nobodys;
    }
    gpus_ = std::move(gpus);
    tells_holders_ = meter.tells_own_pids();
    if (tells_holders_) {
        readings_ = std::move(readings);
    }
}

}  // namespace hexcore
