#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "hexcore/device/gpu_meter.hpp"
#include "hexcore/isolate/machine_room.hpp"

namespace hexcore {

/// The GPUs, read every 100 ms by a thread of its own: a driver may take its time to answer.
class GpuReader {
public:
    explicit GpuReader(const GpuProbeOptions& options = {});
    ~GpuReader();
    GpuReader(const GpuReader&) = delete;
    GpuReader& operator=(const GpuReader&) = delete;

    [[nodiscard]] std::vector<TestMachine::Device> devices() const;
    /// As it is now: waits until they have been read once more.
    void read_now();
    /// Those that nobody has taken yet.
    [[nodiscard]] std::vector<DeviceReading> take_readings();
    /// As RoomReading has it.
    [[nodiscard]] std::string unreturned() const;
    /// Who has most of each, but for these: `of cuda:0 train.py (pid 12) 6.0 GiB`.
    [[nodiscard]] std::string holders(const std::vector<std::uint32_t>& except) const;
    /// False: whose memory it is cannot be told, so that budgets of GPUs cannot be kept.
    [[nodiscard]] bool tells_holders() const;

private:
    struct Gpu {
        TestMachine::Device device;
        std::vector<MemoryOwner> holders;
        Bytes nobodys;           ///< in use, and no process has it
        Bytes nobodys_at_first;  ///< what the driver keeps for itself
    };
    void read_all(const GpuProbeOptions& options);
    void read_once(const GpuMeter& meter);

    mutable std::mutex mutex_;
    std::condition_variable told_;
    // By `mutex_`.
    std::vector<Gpu> gpus_;
    std::vector<DeviceReading> readings_;
    bool tells_holders_ = true;
    std::uint64_t readings_begun_ = 0;
    std::uint64_t readings_done_ = 0;
    bool is_wanted_ = false;  ///< another reading, at once
    bool ends_ = false;
    std::thread thread_;
};

}  // namespace hexcore
