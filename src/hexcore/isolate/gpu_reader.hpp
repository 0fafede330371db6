#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "hexcore/cage/patient_thread.hpp"
#include "hexcore/device/gpu_meter.hpp"
#include "hexcore/isolate/machine_room.hpp"

namespace hexcore {

/// How long a driver may take to answer.
struct GpuPatience {
    std::chrono::milliseconds first{60'000};  ///< it may have to be loaded
    std::chrono::milliseconds again{2'000};
};

/// The GPUs, read every 100 ms by a thread of its own. A driver may take its time to answer, and
/// one that hangs keeps nobody: what was read last is what there is then.
class GpuReader {
public:
    explicit GpuReader(const GpuProbeOptions& options = {}, const GpuPatience& patience = {});
    ~GpuReader();
    GpuReader(const GpuReader&) = delete;
    GpuReader& operator=(const GpuReader&) = delete;

    [[nodiscard]] std::vector<TestMachine::Device> devices() const;
    /// As it is now: waits until they have been read once more, but not again for a reading that
    /// has taken too long.
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
    /// What the thread, which may outlive this, works on.
    struct Shared {
        std::mutex mutex;
        std::condition_variable told;
        // By `mutex`.
        std::vector<Gpu> gpus = {};
        std::vector<DeviceReading> readings = {};
        bool tells_holders = true;
        std::uint64_t readings_begun = 0;
        std::uint64_t readings_done = 0;
        bool is_wanted = false;  ///< another reading, at once
        bool ends = false;
    };
    static void read_all(Shared& shared, const GpuProbeOptions& options);
    static void read_once(Shared& shared, const GpuMeter& meter);

    GpuPatience patience_;
    std::uint64_t given_up_ = 0;  ///< the reading that was not waited for
    std::shared_ptr<Shared> shared_;
    PatientThread thread_;
};

}  // namespace hexcore
