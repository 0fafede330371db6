#include "hexcore/report/run_json.hpp"

#include <nlohmann/json.hpp>

#include "hexcore/report/json_text.hpp"
#include "hexcore/report/usage_json.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

Json devices_json(const RunReport& report) {
    Json devices = Json::array();
    for (const RunDevice& device : report.devices) {
        devices.push_back(run_device_json(device));
    }
    return devices;
}

Json after_unload_json(const RunReport& report) {
    Json devices = Json::array();
    for (const DeviceAfterUnload& device : report.after_unload) {
        devices.push_back({{"name", device.name},
                           {"accounted_bytes", device.accounted.count()},
                           {"measured_bytes", bytes_or_null(device.measured)}});
    }
    return devices;
}

}  // namespace

const char* to_string(StopReason reason) {
    switch (reason) {
        case StopReason::eos:
            return "eos";
        case StopReason::length:
            return "length";
        case StopReason::stop_text:
            return "stop_text";
        case StopReason::context_full:
            return "context_full";
        case StopReason::interrupted:
            return "interrupted";
    }
    HEXCORE_CHECK(false, static_cast<int>(reason), "unknown reason");
    return "";
}

Json run_device_json(const RunDevice& device) {
    return {{"name", device.name},
            {"budget_bytes", device.budget.count()},
            {"planned", usage_json(device.planned)},
            {"accounted", usage_json(device.accounted)},
            {"measured_bytes", bytes_or_null(device.measured)},
            {"measured_by", device.measured ? Json(to_string(device.measured_by)) : Json(nullptr)},
            {"peak_bytes", device.peak.count()},
            {"refused", device.refused}};
}

Json run_json(const RunReport& report) {
    return {{"schema", "hexcore.run/1"},
            {"text", report.text},
            {"stop", to_string(report.stop)},
            {"tokens",
             {{"prompt", report.prompt_tokens.value()},
              {"generated", report.generated_tokens.value()}}},
            {"timing",
             {{"load_ms", report.timing.load_ms},
              {"prompt_tokens_per_s", report.timing.prompt_tokens_per_s},
              {"decode_tokens_per_s", report.timing.decode_tokens_per_s}}},
            {"devices", devices_json(report)},
            {"host",
             {{"planned", usage_json(report.host.planned)},
              {"accounted", usage_json(report.host.accounted)}}},
            {"cache_stats", cache_stats_json(report.cache)},
            {"after_unload", after_unload_json(report)}};
}

Json verify_json(const VerifyReport& report) {
    return {{"schema", "hexcore.verify/1"},
            {"tokens", report.tokens.value()},
            {"compared", report.compared},
            {"identical", report.identical},
            {"max_relative_error", report.max_relative_error},
            {"tolerance", report.tolerance}};
}

}  // namespace hexcore
