#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/plan/plan.hpp"

namespace hexcore {

/// What happened to cells: of one session, or of all.
struct CacheCounts {
    std::uint64_t tokens_computed = 0;
    std::uint64_t tokens_reused = 0;   ///< of prompts, that were there already
    std::uint64_t tokens_evicted = 0;  ///< taken out to make room
    std::uint64_t shifts = 0;          ///< how often a full session slid
    std::uint64_t parked = 0;          ///< how often cells left the cache for memory or a file
    std::uint64_t restored = 0;        ///< and came back
};

/// The cache of one device.
struct DeviceCache {
    std::string name;
    std::uint64_t cells_total = 0;  ///< for tokens; 0: it has no layer that keeps any
    std::uint64_t cells_used = 0;
    std::uint64_t cells_high_water = 0;
    Bytes total = {};
    Bytes used = {};
    Bytes high_water = {};  ///< the most that was ever used there
    Bytes of_session = {};  ///< used by the session that was asked
};

/// What the KV cache holds and did. A cell has the keys and values of a token, in all layers.
struct CacheStats {
    std::uint64_t cells_total = 0;
    std::uint64_t cells_used = 0;
    std::uint64_t cells_high_water = 0;
    std::vector<DeviceCache> devices;
    Bytes high_water;  ///< the most that was ever used on all together
    CacheCounts counts;
    KvType kv_type = KvType::f16;
    std::uint64_t sessions = 0;
    std::uint64_t sessions_parked = 0;
    Bytes parked_memory;  ///< of the host, for parked sessions and saved beginnings of prompts
    Bytes parked_files;
    ParkingLimits parking;                        ///< the most of both
    std::uint64_t session_cells = 0;              ///< that the session that was asked may have
    std::uint64_t session_tokens = 0;             ///< it has in the cache
    std::uint64_t session_tokens_high_water = 0;  ///< that it ever had there
    Bytes session_bytes;                          ///< that these take
    Bytes session_high_water;
    CacheAbilities abilities;

    [[nodiscard]] Bytes total() const;
    [[nodiscard]] Bytes used() const;
    /// Of another context of the same model, beside this one. The most of both is what the most of
    /// each add up to, whenever that was; what is of a session stays this one's.
    void add(const CacheStats& other);
};

/// The `can` of docs/formats/run.md and docs/formats/plan.md.
[[nodiscard]] nlohmann::ordered_json abilities_json(const CacheAbilities& abilities);

/// The `cache_stats` of docs/formats/run.md.
[[nodiscard]] nlohmann::ordered_json cache_stats_json(const CacheStats& stats);

}  // namespace hexcore
