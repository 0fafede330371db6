#include "hexcore/device/measured_device.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <system_error>

#include "hexcore/base/state_home.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* schema = "hexcore.measured/1";

/// A number above zero, or nothing.
std::optional<double> positive(const Json& entry, const char* key) {
    const auto found = entry.find(key);
    if (found == entry.end() || !found->is_number()) {
        return std::nullopt;
    }
    const double value = found->get<double>();
    return std::isfinite(value) && value > 0 ? std::optional(value) : std::nullopt;
}

std::optional<std::string> text(const Json& entry, const char* key) {
    const auto found = entry.find(key);
    return found != entry.end() && found->is_string() ? std::optional(found->get<std::string>())
                                                      : std::nullopt;
}

std::optional<MeasuredDevice> device_from(const Json& entry) {
    if (!entry.is_object()) {
        return std::nullopt;
    }
    const auto name = text(entry, "name");
    const auto driver = text(entry, "driver");
    const auto weights = positive(entry, "weights_bytes_per_s");
    const auto copy = positive(entry, "copy_bytes_per_s");
    const auto hop = positive(entry, "hop_s");
    const auto pools = entry.find("pools_bytes");
    if (!name || !driver || !weights || !copy || !hop || pools == entry.end() ||
        !pools->is_number_unsigned()) {
        return std::nullopt;
    }
    return MeasuredDevice{.name = *name,
                          .driver = *driver,
                          .weights_bytes_per_s = *weights,
                          .copy_bytes_per_s = *copy,
                          .hop_s = *hop,
                          .pools = Bytes(pools->get<std::uint64_t>())};
}

}  // namespace

const MeasuredDevice* MeasuredDevices::find(const std::string& name,
                                            const std::string& driver) const {
    const auto found = std::find_if(devices_.begin(), devices_.end(), [&](const auto& device) {
        return device.name == name && device.driver == driver;
    });
    return found == devices_.end() ? nullptr : &*found;
}

void MeasuredDevices::put(MeasuredDevice device) {
    std::erase_if(devices_, [&](const auto& old) {
        return old.name == device.name && old.driver == device.driver;
    });
    devices_.push_back(std::move(device));
}

Result<MeasuredDevices> MeasuredDevices::read(const std::filesystem::path& path) {
    MeasuredDevices read;
    std::error_code error;
    if (path.empty() || !std::filesystem::exists(path, error)) {
        return read;
    }
    std::ifstream file(path, std::ios::binary);
    const Json document = Json::parse(file, nullptr, false);
    const auto devices = document.is_object() ? document.find("devices") : document.end();
    if (!document.is_object() || text(document, "schema") != schema || devices == document.end() ||
        !devices->is_array()) {
        return fail(ErrorCode::bad_input, {{Change::measure_devices}}, "{} is not a document {}",
                    path.string(), schema);
    }
    for (const Json& entry : *devices) {
        auto device = device_from(entry);
        if (!device) {
            return fail(ErrorCode::bad_input, {{Change::measure_devices}},
                        "{}: a device lacks a value or has a wrong one", path.string());
        }
        read.put(*std::move(device));
    }
    return read;
}

Result<void> MeasuredDevices::write(const std::filesystem::path& path) const {
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    const std::filesystem::path beside = fmt::format("{}.{}", path.string(), ::getpid());
    {
        std::ofstream file(beside, std::ios::binary);
        file << measured_devices_json(*this);
        file.close();
        if (!file) {
            std::filesystem::remove(beside, error);
            return fail(ErrorCode::negative, {{Change::set_cache_folder}}, "{} cannot be written",
                        path.string());
        }
    }
    std::filesystem::rename(beside, path, error);
    if (error) {
        const std::string why = error.message();
        std::filesystem::remove(beside, error);
        return fail(ErrorCode::negative, "{} cannot be written: {}", path.string(), why);
    }
    return {};
}

std::filesystem::path measured_devices_path() {
    const std::filesystem::path folder = cache_home();
    return folder.empty() ? folder : folder / "measured.json";
}

std::string measured_devices_json(const MeasuredDevices& devices) {
    Json list = Json::array();
    for (const MeasuredDevice& device : devices.all()) {
        list.push_back({{"name", device.name},
                        {"driver", device.driver},
                        {"weights_bytes_per_s", device.weights_bytes_per_s},
                        {"copy_bytes_per_s", device.copy_bytes_per_s},
                        {"hop_s", device.hop_s},
                        {"pools_bytes", device.pools.count()}});
    }
    const Json document = {{"schema", schema}, {"devices", std::move(list)}};
    return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace hexcore
