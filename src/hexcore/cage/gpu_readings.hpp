#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/cage/cage.hpp"
#include "hexcore/cage/limits.hpp"
#include "hexcore/cage/patient_thread.hpp"
#include "hexcore/device/gpu_meter.hpp"

namespace hexcore {

/// What the driver says that processes hold of the GPUs, asked every 100 ms in a thread of its own:
/// a driver may take long to answer, and nobody is to wait for it.
class GpuReadings {
public:
    /// Fails with ErrorCode::missing_device where a GPU among `limits` is not there.
    [[nodiscard]] static Result<std::unique_ptr<GpuReadings>> begin(
        const std::vector<DeviceLimit>& limits);
    GpuReadings(const GpuReadings&) = delete;
    GpuReadings& operator=(const GpuReadings&) = delete;

    /// Tells the cage what was read since the last time.
    void give_to(Cage& cage);

private:
    struct Reading {
        std::string device;
        std::vector<MemoryOwner> holders;
    };
    /// What the thread has to itself and shares; it may outlive this.
    struct Shared {
        std::unique_ptr<GpuMeter> meter;
        std::mutex mutex;
        std::vector<Reading> latest;  ///< by `mutex`
    };
    explicit GpuReadings(std::shared_ptr<Shared> shared);
    static void read_on(Shared& shared, const std::atomic<bool>& stop);

    std::shared_ptr<Shared> shared_;  ///< with the thread
    PatientThread thread_;
};

}  // namespace hexcore
