#include "hexcore/plugin/report.hpp"

#include <nlohmann/json.hpp>

#include "hexcore/base/printable.hpp"
#include "hexcore/plugin/in_variables.hpp"
#include "hexcore/report/run_json.hpp"

namespace hexcore {

using Json = nlohmann::ordered_json;

PluginReport::PluginReport(Machine& machine, const PluginSettings& settings)
    : machine_(machine), plan_(settings.plan), devices_(settings.devices), peaks_(machine.size()) {
    for (std::size_t i = 0; i < machine_.size(); ++i) {
        machine_.device(DeviceId(i)).memory().set_observer(this);
    }
}

void PluginReport::releasing(const DeviceMemory& memory) {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < machine_.size(); ++i) {
        if (&machine_.device(DeviceId(i)).memory() == &memory) {
            note(machine_.device(DeviceId(i)), peaks_[i]);
        }
    }
}

void PluginReport::note(const Device& device, Peak& peak) {
    const Usage now = device.memory().accounted();
    if (now.total() <= peak.total) {
        return;
    }
    peak = {now.total(), now, std::nullopt};
    if (const auto measured = device.measured()) {
        peak.measured = *measured;
    }
}

void PluginReport::refused(const DeviceMemory& memory, const Error& why) {
    for (std::size_t i = 0; i < machine_.size(); ++i) {
        if (&machine_.device(DeviceId(i)).memory() == &memory) {
            // Not by ggml's log: many programs keep that to themselves.
            fmt::print(stderr, "hexcore: {}\n",
                       printable(told_refusal(why, plan_, DeviceId(i), memory.accounted())));
        }
    }
}

Json PluginReport::json() {
    const std::lock_guard lock(mutex_);
    Json devices = Json::array();
    for (std::size_t i = 0; i < machine_.size(); ++i) {
        const Device& device = machine_.device(DeviceId(i));
        const DeviceMemory& memory = device.memory();
        note(device, peaks_[i]);
        RunDevice record;
        record.name = device.name();
        record.budget = devices_[i].budget;
        record.accounted = peaks_[i].accounted;
        record.measured = peaks_[i].measured;
        record.measured_by = device.measured_by();
        record.peak = memory.budget().peak();
        record.refused = memory.budget().refused();
        if (plan_) {
            record.planned = plan_->devices[i].planned;
        }
        Json entry = run_device_json(record);
        if (!plan_) {
            entry["planned"] = nullptr;
        }
        entry["left_bytes"] = memory.budget().used().count();
        entry["expert_rows"] = device.rows_computed();
        devices.push_back(std::move(entry));
    }
    return {{"schema", "hexcore.plugin/1"},
            {"plan", plan_ ? Json(plan_->model_name) : Json()},
            {"devices", std::move(devices)}};
}

}  // namespace hexcore
