#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/ids.hpp"
#include "hexcore/device/measured_by.hpp"
#include "hexcore/plan/expert_cache.hpp"
#include "hexcore/plan/plan.hpp"
#include "hexcore/report/cache_stats.hpp"

namespace hexcore {

/// Why a run stopped generating.
enum class StopReason { eos, length, stop_text, context_full, interrupted };
[[nodiscard]] const char* to_string(StopReason reason);

/// One device while the model was loaded.
struct RunDevice {
    std::string name;
    Bytes budget;
    Usage planned;
    Usage accounted;                ///< what was allocated, by Hexcore's own books
    std::optional<Bytes> measured;  ///< by the kernel or the driver; empty where it cannot tell
    MeasuredBy measured_by = MeasuredBy::kernel;
    Bytes peak;                 ///< the most that was ever accounted
    std::uint64_t refused = 0;  ///< allocations refused because of the budget
    std::optional<ExpertCacheStats> expert_cache = {};  ///< of a GPU that has one
};

/// Host memory outside the devices.
struct RunHost {
    Usage planned;
    Usage accounted;
};

/// One device after the model was unloaded.
struct DeviceAfterUnload {
    std::string name;
    Bytes accounted;
    std::optional<Bytes> measured;
};

struct RunTiming {
    double load_ms = 0;
    double prompt_tokens_per_s = 0;
    double decode_tokens_per_s = 0;
};

/// What a run did and what it took. Plain data; run_json and run_table render it.
struct RunReport {
    std::string text;
    StopReason stop = StopReason::eos;
    TokenCount prompt_tokens;
    TokenCount generated_tokens;
    RunTiming timing;
    std::vector<RunDevice> devices;
    RunHost host;
    CacheStats cache;
    std::vector<DeviceAfterUnload> after_unload;

    /// Of all devices together; nothing where none has one.
    [[nodiscard]] std::optional<ExpertCacheStats> expert_cache() const;
};

/// How a plan's outputs compare with plain libllama's.
struct VerifyReport {
    TokenCount tokens;
    bool identical = false;  ///< bit by bit
    /// Over all outputs of all tokens; infinite where one is no finite number.
    double max_relative_error = 0;
    double tolerance = 0;             ///< what was allowed
    std::string compared = "logits";  ///< or embeddings, of a model that has no logits

    /// Whether the plan is verified. Logits that are no numbers verify nothing, not even by the
    /// same bits.
    [[nodiscard]] bool agrees() const { return max_relative_error <= tolerance; }
};

}  // namespace hexcore
