#include "hexcore/isolate/gpu_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "hexcore/device/memory_holder.hpp"

namespace hexcore {
namespace {

using namespace std::chrono_literals;

/// The driver's own needs change a little with each process.
Bytes tolerance(Bytes total) { return std::max(256_MiB, Bytes(total.count() / 20)); }

}  // namespace

GpuReader::GpuReader() : thread_([this] { read_all(); }) {
    std::unique_lock lock(mutex_);
    told_.wait(lock, [this] { return is_ready_; });
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

void GpuReader::read_all() {
    const GpuMeter meter;
    while (true) {
        read_once(meter);
        std::unique_lock lock(mutex_);
        is_ready_ = true;
        told_.notify_all();
        const auto is_over = [this] { return ends_; };
        if (meter.gpus().empty()) {
            told_.wait(lock, is_over);
            return;
        }
        if (told_.wait_for(lock, 100ms, is_over)) {
            return;
        }
    }
}

void GpuReader::read_once(const GpuMeter& meter) {
    std::vector<Gpu> gpus;
    std::vector<DeviceReading> readings;
    for (std::size_t index = 0; index < meter.gpus().size(); ++index) {
        const GpuMeter::Gpu& card = meter.gpus()[index];
        Gpu gpu{{card.name, card.total, card.total}, {}, {}};
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
        gpus.push_back(std::move(gpu));
        readings.push_back(std::move(one));
    }
    const std::lock_guard lock(mutex_);
    for (std::size_t index = 0; index < gpus.size(); ++index) {
        gpus[index].nobodys_at_first =
            is_ready_ ? gpus_[index].nobodys_at_first : gpus[index].nobodys;
    }
    gpus_ = std::move(gpus);
    tells_holders_ = meter.tells_own_pids();
    if (tells_holders_) {
        readings_ = std::move(readings);
    }
}

}  // namespace hexcore
