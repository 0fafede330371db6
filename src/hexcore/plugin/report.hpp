#pragma once

#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <vector>

#include "hexcore/backend/machine.hpp"
#include "hexcore/plugin/settings.hpp"

namespace hexcore {

/// Watches a device of a program that we have no part in: says on stderr what was refused, and
/// remembers the device as it was when it held the most.
class DeviceWatch final : public LedgerSink {
public:
    struct Peak {
        Bytes total;
        Usage accounted;
        std::optional<Bytes> measured;
    };

    /// `plan`, if there is one, must outlive it.
    DeviceWatch(Device& device, const std::optional<Plan>& plan);

    void told(const LedgerEvent& event) noexcept override;
    /// Until now.
    [[nodiscard]] Peak peak();

private:
    /// Remembers the device as it is, where it never held more.
    void note(const Usage& now);

    Device& device_;
    const std::optional<Plan>& plan_;
    std::mutex mutex_;
    Peak peak_;
};

/// What happened to a machine's devices.
class PluginReport {
public:
    /// Watches `machine` from now on; both stay where they are until the process ends.
    PluginReport(Machine& machine, const PluginSettings& settings);

    /// A "hexcore.plugin/1" document (docs/formats/plugin.md) of everything until now.
    [[nodiscard]] nlohmann::ordered_json json();

private:
    Machine& machine_;
    const std::optional<Plan> plan_;
    const std::vector<DeviceSpec> devices_;
    std::vector<std::unique_ptr<DeviceWatch>> watches_;  ///< [device]
};

}  // namespace hexcore
