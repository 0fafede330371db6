#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/ids.hpp"
#include "hexcore/device/device_spec.hpp"
#include "hexcore/ledger/usage.hpp"
#include "hexcore/plan/cache_abilities.hpp"
#include "hexcore/plan/facts.hpp"
#include "hexcore/plan/placement.hpp"

namespace hexcore {

/// Element type of the KV cache.
enum class KvType { f16, q8_0, q4_0 };
[[nodiscard]] const char* to_string(KvType type);
[[nodiscard]] Result<KvType> parse_kv_type(std::string_view name);

/// What the context is planned for.
struct ContextShape {
    TokenCount tokens;  ///< of all sequences together, padded as libllama pads it
    std::uint32_t sequences = 1;
    KvType kv_type = KvType::f16;
    TokenCount ubatch{512};
    /// Layers with a sliding window keep the cells of all tokens, not of the window alone.
    bool swa_full = false;
};

/// Where a plan's numbers come from.
enum class Basis {
    dry_run,   ///< libllama's own simulated load of the file: exact
    estimate,  ///< formulas over a named shape
};

/// What sessions that make room in the cache may take outside the devices.
struct ParkingLimits {
    Bytes memory;  ///< of the host
    Bytes files;   ///< in the folder of parked sessions, behind that

    bool operator==(const ParkingLimits&) const = default;
};

struct PlannedDevice {
    std::string name;
    DeviceKind kind = DeviceKind::host;
    Bytes budget;
    Bytes reserve;
    std::uint32_t layers = 0;
    std::uint32_t experts = 0;
    Usage planned;
    /// Experts that planned.expert_cache has room for, each in an equal part of it.
    std::uint32_t expert_cache_slots = 0;

    /// planned total over budget
    [[nodiscard]] double fill() const;
};

/// An adapter that is planned for, beside what it modifies.
struct PlannedAdapter {
    std::string name;
    std::string file;
    std::string content;  ///< a checksum in hexadecimal digits
    float scale = 1;
    std::uint32_t rank = 0;  ///< the largest of its tensors
    Bytes bytes;
};

/// The modelled time of a token under one policy, to state beside the plan's own.
struct PolicyTime {
    Policy policy;
    std::optional<double> seconds;  ///< empty where that policy does not fit
};

/// The whole plan: who holds what, what it takes, and why. Plain data; report renders it.
struct Plan {
    Basis basis = Basis::estimate;
    std::string model_name;
    std::string architecture;
    std::uint32_t n_layers = 0;
    std::uint32_t n_experts = 0;
    std::uint32_t n_experts_used = 0;
    Bytes total_bytes;    ///< all weights
    Bytes experts_bytes;  ///< routed experts alone
    Bytes embedding;      ///< token embedding; in host memory
    Bytes output;         ///< output norm and head; on the device of the last layer
    Policy policy = Policy::balanced;
    ContextShape context;
    std::optional<CacheAbilities> cache = {};  ///< as a dry run tells
    std::vector<PlannedDevice> devices;
    /// Outside the devices: token embedding, host side compute and output buffers, and staging,
    /// which is taken only while the model loads.
    Usage host;
    std::optional<ParkingLimits> parking = {};  ///< beside all that; nothing: nobody has said
    std::vector<PlannedAdapter> adapters = {};
    Placement placement;
    std::vector<PolicyTime> modelled;  ///< of every policy, the plan's own among them
    std::vector<std::string> explanation;
};

}  // namespace hexcore
