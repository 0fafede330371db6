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

Json expert_cache_json(const ExpertCacheStats& stats) {
    return {{"slots", stats.slots},
            {"lookups", stats.lookups},
            {"hits", stats.hits},
            {"misses", stats.misses()},
            {"hit_rate", stats.hit_rate()},
            {"uploads", stats.uploads},
            {"uploaded_bytes", stats.bytes.count()}};
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

std::optional<ExpertCacheStats> RunReport::expert_cache() const {
    std::optional<ExpertCacheStats> sum;
    for (const RunDevice& device : devices) {
        if (device.expert_cache) {
            sum = sum.value_or(ExpertCacheStats());
            *sum += *device.expert_cache;
        }
    }
    return sum;
}

Json run_device_json(const RunDevice& device) {
    Json json = {
        {"name", device.name},
        {"budget_bytes", device.budget.count()},
        {"planned", usage_json(device.planned)},
        {"accounted", usage_json(device.accounted)},
        {"measured_bytes", bytes_or_null(device.measured)},
        {"measured_by", device.measured ? Json(to_string(device.measured_by)) : Json(nullptr)},
        {"peak_bytes", device.peak.count()},
        {"refused", device.refused}};
    if (device.expert_cache) {
        json["expert_cache"] = expert_cache_json(*device.expert_cache);
    }
    return json;
}

Json run_json(const RunReport& report) {
    Json json = {{"schema", "hexcore.run/1"},
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
                 {"cache_stats", cache_stats_json(report.cache)}};
    if (const auto expert_cache = report.expert_cache()) {
        json["expert_cache"] = expert_cache_json(*expert_cache);
    }
    json["after_unload"] = after_unload_json(report);
    return json;
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
