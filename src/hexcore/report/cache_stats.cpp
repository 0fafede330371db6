#include "hexcore/report/cache_stats.hpp"

#include <nlohmann/json.hpp>

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

Bytes sum(const std::vector<DeviceCache>& devices, Bytes DeviceCache::*member) {
    Bytes bytes;
    for (const DeviceCache& device : devices) {
        bytes += device.*member;
    }
    return bytes;
}

Json devices_json(const CacheStats& stats) {
    Json devices = Json::array();
    for (const DeviceCache& device : stats.devices) {
        devices.push_back({{"name", device.name},
                           {"cells_total", device.cells_total},
                           {"cells_used", device.cells_used},
                           {"cells_high_water", device.cells_high_water},
                           {"bytes_total", device.total.count()},
                           {"bytes_used", device.used.count()},
                           {"high_water_bytes", device.high_water.count()},
                           {"session_bytes", device.of_session.count()}});
    }
    return devices;
}

}  // namespace

Bytes CacheStats::total() const { return sum(devices, &DeviceCache::total); }
Bytes CacheStats::used() const { return sum(devices, &DeviceCache::used); }

void CacheStats::add(const CacheStats& other) {
    cells_total += other.cells_total;
    cells_used += other.cells_used;
    cells_high_water += other.cells_high_water;
    for (std::size_t i = 0; i < devices.size(); ++i) {
        DeviceCache& device = devices[i];
        const DeviceCache& theirs = other.devices[i];
        device.cells_total += theirs.cells_total;
        device.cells_used += theirs.cells_used;
        device.cells_high_water += theirs.cells_high_water;
        device.total += theirs.total;
        device.used += theirs.used;
        device.high_water += theirs.high_water;
    }
    high_water += other.high_water;
    counts.tokens_computed += other.counts.tokens_computed;
    counts.tokens_reused += other.counts.tokens_reused;
    counts.tokens_evicted += other.counts.tokens_evicted;
    counts.shifts += other.counts.shifts;
    counts.parked += other.counts.parked;
    counts.restored += other.counts.restored;
    sessions += other.sessions;
    sessions_parked += other.sessions_parked;
    parked_memory += other.parked_memory;
    parked_files += other.parked_files;
    parking.memory += other.parking.memory;
    parking.files += other.parking.files;
}

Json abilities_json(const CacheAbilities& abilities) {
    return {{"stop", true},
            {"slide", abilities.slide},
            {"park", true},
            {"reuse", true},
            {"forget", to_string(abilities.forget)},
            {"why", abilities.why}};
}

Json cache_stats_json(const CacheStats& stats) {
    constexpr double mib = 1024.0 * 1024.0;
    return {{"cells_total", stats.cells_total},
            {"cells_used", stats.cells_used},
            {"bytes_total", stats.total().count()},
            {"bytes_used", stats.used().count()},
            {"high_water_bytes", stats.high_water.count()},
            {"tokens_reused", stats.counts.tokens_reused},
            {"tokens_computed", stats.counts.tokens_computed},
            {"tokens_evicted", stats.counts.tokens_evicted},
            {"shifts", stats.counts.shifts},
            {"parked", stats.counts.parked},
            {"restored", stats.counts.restored},
            {"kv_type", to_string(stats.kv_type)},
            {"sessions", stats.sessions},
            {"seq_length", stats.session_tokens},
            {"estimated_memory_mb", static_cast<double>(stats.session_bytes.count()) / mib},
            {"session",
             {{"cells_total", stats.session_cells},
              {"cells_used", stats.session_tokens},
              {"cells_high_water", stats.session_tokens_high_water},
              {"bytes_used", stats.session_bytes.count()},
              {"high_water_bytes", stats.session_high_water.count()}}},
            {"sessions_parked", stats.sessions_parked},
            {"parked_memory_bytes", stats.parked_memory.count()},
            {"parked_file_bytes", stats.parked_files.count()},
            {"parked_memory_limit_bytes", stats.parking.memory.count()},
            {"parked_file_limit_bytes", stats.parking.files.count()},
            {"can", abilities_json(stats.abilities)},
            {"devices", devices_json(stats)}};
}

}  // namespace hexcore
