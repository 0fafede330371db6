#include "hexcore/plugin/report.hpp"

#include <nlohmann/json.hpp>

#include "hexcore/base/printable.hpp"
#include "hexcore/plugin/in_variables.hpp"
#include "hexcore/report/run_json.hpp"

namespace hexcore {

using Json = nlohmann::ordered_json;

DeviceWatch::DeviceWatch(Device& device, const std::optional<Plan>& plan)
    : device_(device), plan_(plan) {
    device.memory().ledger().add_sink(*this);
}

void DeviceWatch::told(const LedgerEvent& event) noexcept {
    if (event.kind == LedgerEvent::Kind::refused) {
        // Not by ggml's log: many programs keep that to themselves.
        fmt::print(stderr, "hexcore: {}\n",
                   printable(told_refusal(*event.why, plan_, device_.id(), event.held)));
    } else if (event.kind == LedgerEvent::Kind::released && event.purpose) {
        Usage before = event.held;
        before[*event.purpose] += event.bytes;
        note(before);
    }
}

DeviceWatch::Peak DeviceWatch::peak() {
    note(device_.memory().accounted());
    const std::lock_guard lock(mutex_);
    return peak_;
}

void DeviceWatch::note(const Usage& now) {
    const std::lock_guard lock(mutex_);
    if (now.total() <= peak_.total) {
        return;
    }
    peak_ = {now.total(), now, std::nullopt};
    if (const auto measured = device_.measured()) {
        peak_.measured = *measured;
    }
}

PluginReport::PluginReport(Machine& machine, const PluginSettings& settings)
    : machine_(machine), plan_(settings.plan), devices_(settings.devices) {
    for (std::size_t i = 0; i < machine_.size(); ++i) {
        watches_.push_back(std::make_unique<DeviceWatch>(machine_.device(DeviceId(i)), plan_));
    }
}

Json PluginReport::json() {
    Json devices = Json::array();
    for (std::size_t i = 0; i < machine_.size(); ++i) {
        const Device& device = machine_.device(DeviceId(i));
        const DeviceMemory& memory = device.memory();
        const DeviceWatch::Peak peak = watches_[i]->peak();
        RunDevice record;
        record.name = device.name();
        record.budget = devices_[i].budget;
        record.accounted = peak.accounted;
        record.measured = peak.measured;
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
