#include "hexcore/cage/gpu_readings.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include "hexcore/device/memory_holder.hpp"

namespace hexcore {
namespace {

constexpr std::chrono::milliseconds interval{100};
constexpr std::chrono::milliseconds gpu_look{5};
/// A driver that does not answer is not waited for.
constexpr std::chrono::milliseconds longest_answer{500};

}  // namespace

Result<std::unique_ptr<GpuReadings>> GpuReadings::begin(const std::vector<DeviceLimit>& limits) {
    auto shared = std::make_shared<Shared>();
    shared->meter = std::make_unique<GpuMeter>();
    for (const DeviceLimit& limit : limits) {
        const auto& gpus = shared->meter->gpus();
        const bool is_there = !limit.device.starts_with("cuda:") ||
                              std::any_of(gpus.begin(), gpus.end(), [&](const GpuMeter::Gpu& gpu) {
                                  return gpu.name == limit.device;
                              });
        if (!is_there) {
            return fail(ErrorCode::missing_device,
                        "{} has a limit and is not there: the driver knows {} GPUs", limit.device,
                        gpus.size());
        }
    }
    if (!shared->meter->tells_own_pids()) {
        return fail(ErrorCode::missing_device,
                    "a GPU's limit cannot be kept here: its driver does not say which processes of "
                    "this container hold how much");
    }
    return std::unique_ptr<GpuReadings>(new GpuReadings(std::move(shared)));
}

GpuReadings::GpuReadings(std::shared_ptr<Shared> shared)
    : shared_(std::move(shared)),
      thread_([shared = shared_](const std::atomic<bool>& stop) { read_on(*shared, stop); },
              longest_answer) {}

void GpuReadings::read_on(Shared& shared, const std::atomic<bool>& stop) {
    while (!stop) {
        std::vector<Reading> now;
        const auto& gpus = shared.meter->gpus();
        for (std::size_t gpu = 0; gpu < gpus.size(); ++gpu) {
            const auto reading = shared.meter->read(gpu);
            if (!reading) {
                continue;
            }
            Reading one{.device = gpus[gpu].name, .holders = {}};
            for (const NvmlProcess& process : reading->processes) {
                if (process.bytes) {
                    one.holders.push_back(
                        {process.pid, command_of({}, process.pid), *process.bytes});
                }
            }
            now.push_back(std::move(one));
        }
        {
            const std::lock_guard lock(shared.mutex);
            shared.latest = std::move(now);
        }
        for (auto slept = interval * 0; slept < interval && !stop; slept += gpu_look) {
            std::this_thread::sleep_for(gpu_look);
        }
    }
}

void GpuReadings::give_to(Cage& cage) {
    std::vector<Reading> latest;
    {
        const std::lock_guard lock(shared_->mutex);
        latest.swap(shared_->latest);
    }
    for (const Reading& reading : latest) {
        cage.take_device_reading(reading.device, reading.holders);
    }
}

}  // namespace hexcore
