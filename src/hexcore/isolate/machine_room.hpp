#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/result.hpp"
#include "hexcore/cage/outcome.hpp"
#include "hexcore/isolate/test_results.hpp"
#include "hexcore/reserve/machine_now.hpp"

namespace hexcore {

/// What there is for tests at one time.
struct RoomReading {
    TestNeed free = {};     ///< for tests, beside what is kept free
    Bytes left = {};        ///< of main memory, before nothing works any more
    bool is_short = false;  ///< half of what is kept free is gone, or tests have more than they may
    /// Of a device, what is in use and no process has, more than at the start: `cuda:0 has 3 GiB in
    /// use that no process holds`. Empty: devices are as they were.
    std::string unreturned = {};
};

/// Who holds memory of a device.
struct DeviceReading {
    std::string device;
    std::vector<MemoryOwner> holders = {};
};

struct RoomOptions {
    Bytes reserve = {};                 ///< of main memory: kept free
    std::optional<Bytes> at_most = {};  ///< tests take no more than that of main memory together
};

/// What the machine has free, now. Tests of the runner have another one than the machine's.
class MachineRoom {
public:
    MachineRoom() = default;
    virtual ~MachineRoom() = default;
    MachineRoom(const MachineRoom&) = delete;
    MachineRoom& operator=(const MachineRoom&) = delete;

    [[nodiscard]] virtual TestMachine machine() const = 0;
    /// `held`: what tests hold of main memory.
    [[nodiscard]] virtual RoomReading read(Bytes held) = 0;
    /// For reservations: what there is for tests, beside what is kept free, looked at now.
    [[nodiscard]] virtual Result<MachineNow> look(LookAt at);
    /// What was read of devices since it was last asked; nothing: nothing new.
    [[nodiscard]] virtual std::vector<DeviceReading> take_device_readings() { return {}; }
    /// Who else holds most: `firefox (pid 812) 3.1 GiB`. Empty where nobody can tell.
    [[nodiscard]] virtual std::string holders(const std::vector<std::uint32_t>& except) = 0;
};

/// The real one.
[[nodiscard]] Result<std::unique_ptr<MachineRoom>> room_of_machine(const RoomOptions& options);

}  // namespace hexcore
