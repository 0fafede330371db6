#pragma once

#include "hexcore/plan/make_plan.hpp"

namespace hexcore {

/// The error of a plan, or one of wrong usage where the same model can be planned with a KV cache
/// of f16, which may be interrupted. Which types it can have depends on head sizes and
/// architecture, and only libllama knows.
[[nodiscard]] Error with_kv_type_blamed(Error error, PlanRequest request, const DryRun& dry_run);

}  // namespace hexcore
