#include "hexcore/watch/gpu_sampler.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "hexcore/device/gpu_meter.hpp"

namespace hexcore {

using std::chrono::steady_clock;

struct GpuSampler::Shared {
    std::mutex mutex;
    std::condition_variable changed;
    bool stopped = false;
    bool waits_for_driver = true;
    bool done = false;
    GpuSampling sampling;
    std::shared_ptr<RecordFan> fan;

    void tell_devices(const GpuMeter& meter) const {
        for (std::size_t i = 0; i < meter.gpus().size(); ++i) {
            fan->device({.number = sampling.first_device + static_cast<std::uint32_t>(i),
                         .kind = RecordedKind::gpu,
                         .name = meter.gpus()[i].name,
                         .description = meter.gpus()[i].card,
                         .unit = Bytes(1),
                         .total = meter.gpus()[i].total});
        }
    }

    void tell(std::size_t gpu, const GpuReading& reading, bool own_pids, RecordedRow& row) const {
        row.device = sampling.first_device + static_cast<std::uint32_t>(gpu);
        row.time = std::chrono::duration_cast<RecordedTime>(steady_clock::now() - sampling.start);
        row.free = reading.free;
        row.parts.clear();
        Bytes listed;
        for (const NvmlProcess& process : reading.processes) {
            ProcessRef watched = own_pids && process.bytes ? sampling.find(process.pid) : nullptr;
            if (watched != nullptr) {
                listed += *process.bytes;
                row.parts.push_back({std::move(watched), *process.bytes});
            }
        }
        std::sort(row.parts.begin(), row.parts.end(), [](const auto& a, const auto& b) {
            return a.process->number < b.process->number;
        });
        row.others = saturating_subtract(reading.used, listed);
        fan->row(row);
    }

    /// Returns with the lock held once it is stopped.
    void sample(const GpuMeter& meter, std::unique_lock<std::mutex>& lock) {
        const std::size_t count =
            std::min(meter.gpus().size(), recorded_devices_max - sampling.first_device);
        RecordedRow row;
        for (auto next = steady_clock::now(); !stopped;) {
            for (std::size_t gpu = 0; gpu < count && !stopped; ++gpu) {
                waits_for_driver = true;
                lock.unlock();
                const auto reading = meter.read(gpu);
                lock.lock();
                waits_for_driver = false;
                if (reading && !stopped) {
                    tell(gpu, *reading, meter.tells_own_pids(), row);
                }
            }
            next = std::max(next + sampling.interval, steady_clock::now());
            changed.wait_until(lock, next, [this] { return stopped; });
        }
    }

    void work() {
        {
            const GpuMeter meter(sampling.probe);
            std::unique_lock lock(mutex);
            waits_for_driver = false;
            if (!stopped && !meter.gpus().empty()) {
                tell_devices(meter);
                sample(meter, lock);
            }
        }
        const std::lock_guard lock(mutex);
        done = true;
        changed.notify_all();
    }
};

GpuSampler::GpuSampler(GpuSampling sampling, std::shared_ptr<RecordFan> fan)
    : shared_(std::make_shared<Shared>()) {
    shared_->sampling = std::move(sampling);
    shared_->fan = std::move(fan);
    std::thread([shared = shared_] { shared->work(); }).detach();
}

void GpuSampler::stop() {
    constexpr auto longest_wait = std::chrono::milliseconds(500);
    std::unique_lock lock(shared_->mutex);
    shared_->stopped = true;
    shared_->changed.notify_all();
    if (!shared_->waits_for_driver) {
        shared_->changed.wait_for(lock, longest_wait, [this] { return shared_->done; });
    }
}

}  // namespace hexcore
