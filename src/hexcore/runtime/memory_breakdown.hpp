#pragma once

#include <vector>

#include "hexcore/backend/machine.hpp"
#include "hexcore/plan/make_plan.hpp"
#include "llama.h"

namespace hexcore {

/// What libllama says its buffers for this context and its model take, real or simulated. Experts
/// are left out: their bytes are the layout's.
[[nodiscard]] DryRunUsage memory_breakdown(Machine& machine, const llama_context& context);

}  // namespace hexcore
