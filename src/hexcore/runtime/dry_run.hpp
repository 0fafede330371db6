#pragma once

#include <atomic>

#include "hexcore/backend/machine.hpp"
#include "hexcore/model/inventory.hpp"
#include "hexcore/plan/make_plan.hpp"
#include "hexcore/runtime/load_parameters.hpp"

namespace hexcore {

/// Tries plans out on devices like those of `machine`, simulated: libllama loads the file's
/// metadata and goes through every allocation, in some 50 ms, and nothing is taken. Once `stop` is
/// set (null: never) every try fails with ErrorCode::interrupted. Everything passed must outlive
/// the result.
[[nodiscard]] DryRun make_dry_run(const Machine& machine, const Inventory& inventory,
                                  ContextOptions options, const std::atomic<bool>* stop = nullptr);

}  // namespace hexcore
