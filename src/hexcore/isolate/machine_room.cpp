#include "hexcore/isolate/machine_room.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "hexcore/base/printable.hpp"
#include "hexcore/device/host_memory.hpp"
#include "hexcore/device/memory_holder.hpp"
#include "hexcore/device/processor.hpp"
#include "hexcore/isolate/gpu_reader.hpp"
#include "hexcore/isolate/job_order.hpp"

namespace hexcore {
namespace {

class RealRoom : public MachineRoom {
public:
    RealRoom(const HostMemory& host, const RoomOptions& options) : options_(options) {
        machine_.cores = static_cast<std::uint32_t>(std::max(1, usable_cores()));
        machine_.memory = std::min(host.total, host.cgroup_limit.value_or(host.total));
        machine_.free = host.available;
        if (options.at_most) {
            machine_.memory = std::min(machine_.memory, *options.at_most);
            machine_.free = std::min(machine_.free, *options.at_most);
        }
        machine_.devices = gpus_.devices();
        machine_.tells_device_holders = gpus_.tells_holders();
    }

    TestMachine machine() const override { return machine_; }

    RoomReading read(Bytes held) override {
        if (const auto host = meter_.read()) {
            last_ = *host;
        }
        const Bytes available = last_.available;
        RoomReading reading;
        reading.free.host = saturating_subtract(available, options_.reserve);
        reading.left = available;
        reading.is_short = available < Bytes(options_.reserve.count() / 2);
        if (options_.at_most) {
            const Bytes left = saturating_subtract(*options_.at_most, held);
            reading.free.host = std::min(reading.free.host, left);
            reading.left = std::min(reading.left, left);
            reading.is_short = reading.is_short || held > *options_.at_most;
        }
        for (const TestMachine::Device& device : gpus_.devices()) {
            reading.free.devices.push_back({device.name, device.free});
        }
        reading.unreturned = gpus_.unreturned();
        return reading;
    }

    Result<MachineNow> look(LookAt at) override {
        HEXCORE_TRY(host, probe_host_memory());
        const Bytes total = std::min(host.total, host.cgroup_limit.value_or(host.total));
        MachineNow now{.host_total = saturating_subtract(total, options_.reserve),
                       .host_free = saturating_subtract(host.available, options_.reserve),
                       .cores = machine_.cores};
        if (at == LookAt::host_and_gpus) {
            gpus_.read_now();
            for (const TestMachine::Device& device : gpus_.devices()) {
                now.devices.push_back({device.name, device.uuid, device.total, device.free});
            }
        }
        return now;
    }

    std::vector<DeviceReading> take_device_readings() override { return gpus_.take_readings(); }

    std::string holders(const std::vector<std::uint32_t>& except) override {
        constexpr std::size_t looked_at = 8;
        std::string text;
        std::size_t named = 0;
        for (const MemoryHolder& holder :
             largest_memory_holders({}, looked_at + except.size(), last_.tightest_path)) {
            constexpr std::size_t most = 3;
            if (named == most) {
                break;
            }
            if (std::find(except.begin(), except.end(), holder.pid) == except.end()) {
                text +=
                    fmt::format("{}{} (pid {}) {}", text.empty() ? "" : ", ",
                                shortened(holder.command, 40), holder.pid, to_string(holder.bytes));
                named += 1;
            }
        }
        const std::string of_devices = gpus_.holders(except);
        return text + (text.empty() || of_devices.empty() ? "" : ", ") + of_devices;
    }

private:
    RoomOptions options_;
    HostMemoryMeter meter_;
    GpuReader gpus_;
    TestMachine machine_;
    HostMemory last_;
};

}  // namespace

Result<MachineNow> MachineRoom::look(LookAt) {
    const TestMachine there = machine();
    const RoomReading reading = read({});
    MachineNow now{
        .host_total = there.memory, .host_free = reading.free.host, .cores = there.cores};
    for (const TestMachine::Device& device : there.devices) {
        now.devices.push_back(
            {device.name, device.uuid, device.total, of_device(reading.free.devices, device.name)});
    }
    return now;
}

Result<std::unique_ptr<MachineRoom>> room_of_machine(const RoomOptions& options) {
    HEXCORE_TRY(host, probe_host_memory());
    return std::make_unique<RealRoom>(host, options);
}

}  // namespace hexcore
