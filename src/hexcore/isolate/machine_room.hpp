#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/result.hpp"
#include "hexcore/isolate/test_results.hpp"

namespace hexcore {

/// What there is for tests at one time.
struct RoomReading {
    TestNeed free = {};     ///< for tests, beside what is kept free
    Bytes left = {};        ///< of main memory, before nothing works any more
    bool is_short = false;  ///< half of what is kept free is gone, or tests have more than they may
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
    /// Who else holds most: `firefox (pid 812) 3.1 GiB`. Empty where nobody can tell.
    [[nodiscard]] virtual std::string holders(const std::vector<std::uint32_t>& except) = 0;
};

/// The real one.
[[nodiscard]] Result<std::unique_ptr<MachineRoom>> room_of_machine(const RoomOptions& options);

}  // namespace hexcore
