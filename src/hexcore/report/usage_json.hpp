#pragma once

#include <nlohmann/json_fwd.hpp>

#include "hexcore/base/result.hpp"
#include "hexcore/ledger/usage.hpp"
#include "hexcore/report/json_cursor.hpp"

namespace hexcore {

/// `{"weights_bytes", "experts_bytes", "kv_bytes", "recurrent_bytes", "compute_bytes",
/// "staging_bytes", "total_bytes"}`, and `adapters_bytes`, `expert_cache_bytes` and
/// `parked_bytes` where there are any.
[[nodiscard]] nlohmann::ordered_json usage_json(const Usage& usage);

/// Reads what usage_json writes. Fails with ErrorCode::bad_input, also where the total is not the
/// sum of the others.
[[nodiscard]] Result<Usage> usage_from_json(const JsonCursor& cursor);

}  // namespace hexcore
