#include "hexcore/plugin/settings.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "hexcore/backend/find_devices.hpp"
#include "hexcore/base/text_file.hpp"
#include "hexcore/report/plan_json.hpp"

namespace hexcore {
namespace {

constexpr const char* devices_variable = "HEXCORE_DEVICES";
constexpr const char* reserve_variable = "HEXCORE_RESERVE";
constexpr const char* plan_variable = "HEXCORE_PLAN";
constexpr const char* report_variable = "HEXCORE_REPORT";

std::vector<std::string> split_at_commas(const std::string& text) {
    std::vector<std::string> parts;
    std::size_t begin = 0;
    for (std::size_t comma = 0; comma != std::string::npos; begin = comma + 1) {
        comma = text.find(',', begin);
        parts.push_back(text.substr(begin, comma - begin));
    }
    return parts;
}

/// Says which variable is at fault, in front of what is wrong.
template <typename T>
Result<T> naming(const char* variable, const std::string& value, Result<T> result) {
    if (!result) {
        result.error().message = fmt::format("{}={}: {}", variable, value, result.error().message);
    }
    return result;
}

Result<Plan> read_plan(const std::string& path) {
    HEXCORE_TRY(text, read_text_file(path, "the plan"));
    return plan_from_json(text);
}

/// Whether the devices that were asked for are those of the plan.
Result<void> check_same(const std::vector<DeviceSpec>& asked,
                        const std::vector<DeviceSpec>& planned) {
    const auto list = [](const std::vector<DeviceSpec>& devices) {
        std::string text;
        for (const DeviceSpec& device : devices) {
            text += fmt::format("{}{}={}", text.empty() ? "" : ",",
                                device.kind == DeviceKind::host ? "host" : device.name,
                                to_string(device.budget));
        }
        return text;
    };
    bool same = asked.size() == planned.size();
    for (std::size_t i = 0; same && i < asked.size(); ++i) {
        same = asked[i].name == planned[i].name && asked[i].budget == planned[i].budget;
    }
    if (!same) {
        return fail(ErrorCode::usage,
                    "the plan in {} is for other devices: {}; leave {} out, or plan again for "
                    "these",
                    plan_variable, list(planned), devices_variable);
    }
    return {};
}

Result<void> make_file(const std::string& path) {
    if (!std::ofstream(path, std::ios::app)) {
        return fail(ErrorCode::bad_input, "cannot be written: {}", std::strerror(errno));
    }
    return {};
}

}  // namespace

Result<PluginSettings> read_settings(const Environment& environment, const MachineMemory& machine) {
    PluginSettings settings;
    const std::string devices = environment(devices_variable);
    const std::string reserve = environment(reserve_variable);
    const std::string plan_path = environment(plan_variable);
    if (devices.empty() && plan_path.empty()) {
        return fail(ErrorCode::usage,
                    "no devices are named; set {}=SIZE,SIZE,... (as in 320MiB,320MiB), or {}=FILE "
                    "to a plan of `hexcore plan --plugin --format json`",
                    devices_variable, plan_variable);
    }
    std::optional<Bytes> kept;
    if (!reserve.empty()) {
        HEXCORE_TRY(size, naming(reserve_variable, reserve, parse_bytes(reserve)));
        kept = size;
    }
    if (!devices.empty()) {
        HEXCORE_TRY(asked, naming(devices_variable, devices,
                                  find_devices(split_at_commas(devices), kept, machine)));
        if (asked.size() > max_devices) {
            return fail(ErrorCode::usage, "{}={}: these are {} devices, at most {} are possible",
                        devices_variable, devices, asked.size(), max_devices);
        }
        settings.devices = std::move(asked);
    }
    if (!plan_path.empty()) {
        HEXCORE_TRY(plan, naming(plan_variable, plan_path, read_plan(plan_path)));
        HEXCORE_TRY(planned, naming(plan_variable, plan_path, devices_of_plan(plan, machine)));
        if (!devices.empty()) {
            HEXCORE_TRY_VOID(
                naming(devices_variable, devices, check_same(settings.devices, planned)));
        }
        settings.devices = std::move(planned);
        settings.plan = std::move(plan);
    }
    settings.report_path = environment(report_variable);
    if (!settings.report_path.empty()) {
        HEXCORE_TRY_VOID(
            naming(report_variable, settings.report_path, make_file(settings.report_path)));
    }
    return settings;
}

}  // namespace hexcore
