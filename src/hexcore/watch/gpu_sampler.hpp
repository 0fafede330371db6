#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "hexcore/device/gpu_probe.hpp"
#include "hexcore/recording/recording.hpp"
#include "hexcore/watch/record_fan.hpp"

namespace hexcore {

struct GpuSampling {
    std::chrono::microseconds interval{};
    std::chrono::steady_clock::time_point start;  ///< of the recording's times
    std::uint32_t first_device = 0;               ///< numbers from here on are the GPUs'
    GpuProbeOptions probe = {};
    /// The watched process of that pid, or null. Is asked from another thread.
    std::function<ProcessRef(std::uint32_t pid)> find = {};
};

/// Samples every GPU from a thread of its own: a driver may take its time, or never answer.
class GpuSampler {
public:
    /// `fan` is told by the thread until stop().
    GpuSampler(GpuSampling sampling, std::shared_ptr<RecordFan> fan);
    ~GpuSampler() { stop(); }
    GpuSampler(const GpuSampler&) = delete;
    GpuSampler& operator=(const GpuSampler&) = delete;

    /// Nothing is told after it, and `find` not asked. A thread that waits for the driver is left
    /// behind.
    void stop();

private:
    struct Shared;
    std::shared_ptr<Shared> shared_;  ///< the thread may live longer
};

}  // namespace hexcore
