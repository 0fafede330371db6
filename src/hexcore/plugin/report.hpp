#pragma once

#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <vector>

#include "hexcore/backend/machine.hpp"
#include "hexcore/plugin/settings.hpp"

namespace hexcore {

/// Watches the devices of a program that we have no part in, says on stderr what was refused, and
/// remembers each device as it was when it held the most.
class PluginReport : public MemoryObserver {
public:
    /// Observes `machine` from now on; both stay where they are until the process ends.
    PluginReport(Machine& machine, const PluginSettings& settings);

    void releasing(const DeviceMemory& memory) override;
    void refused(const DeviceMemory& memory, const Error& why) override;

    /// A "hexcore.plugin/1" document (docs/formats/plugin.md) of everything until now.
    [[nodiscard]] nlohmann::ordered_json json();

private:
    struct Peak {
        Bytes total;
        Usage accounted;
        std::optional<Bytes> measured;
    };
    /// Remembers the device as it is, where it never held more. Needs mutex_.
    void note(const Device& device, Peak& peak);

    Machine& machine_;
    const std::optional<Plan> plan_;
    const std::vector<DeviceSpec> devices_;
    std::mutex mutex_;
    std::vector<Peak> peaks_;  ///< [device]
};

}  // namespace hexcore
