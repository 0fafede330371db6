#pragma once

#include <functional>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/plan/plan.hpp"
#include "hexcore/plan/profile.hpp"

namespace hexcore {

/// Everything a plan is made from. Pure data: no clock, file or driver behind it.
struct PlanRequest {
    ModelProfile model;
    /// 1 to max_devices of them. Compute buffers are estimated if `compute` and `compute_output`
    /// are both zero.
    std::vector<DeviceFacts> devices;
    /// Host memory through which weights reach the devices while they load; a dry run knows nothing
    /// of it.
    Bytes host_staging;
    /// All main memory that the machine has for this process, to compare what is planned with;
    /// 0: not known.
    Bytes main_memory;
    /// The most that copies of experts may take on each GPU that layers with experts in main memory
    /// are at home on; 0: none are made.
    Bytes expert_cache = {};
    /// 0 tokens stand for the whole trained context. make_plan() pads them as libllama does.
    ContextShape context;
    Policy policy = Policy::balanced;
    PlaceOptions options;
    /// Whose bytes `model` has (add_adapters()).
    std::vector<PlannedAdapter> adapters = {};
};

/// What a placement really takes, as a dry run of it tells.
struct DryRunUsage {
    std::vector<Usage> devices;  ///< one for each device of the plan, in its order
    Usage host;                  ///< outside the devices
    std::optional<CacheAbilities> cache = {};
};

/// Tries a plan's placement and context out without allocating. The runtime does it with libllama.
using DryRun = std::function<Result<DryRunUsage>(const Plan&)>;

/// Plans by formulas; basis is Basis::estimate. Fails with ErrorCode::does_not_fit, saying by how
/// many bytes, on which device, and which nearest changes would make it fit (each was planned
/// again to make sure), or ErrorCode::usage for a request that makes no sense.
[[nodiscard]] Result<Plan> make_plan(const PlanRequest& request);

/// Plans, has the plan tried out and takes over the exact numbers; basis is Basis::dry_run. If
/// the exact numbers go over a budget it plans again with them, a few times. Fails as the one
/// above, and with whatever `dry_run` fails with.
[[nodiscard]] Result<Plan> make_plan(const PlanRequest& request, const DryRun& dry_run);

/// The longest context that fits: a multiple of 256 tokens for each sequence, at most
/// request.context.tokens, or the trained context if that is 0. Every probe is tried out if a dry
/// run is given. Fails as make_plan() does for the shortest context there is.
[[nodiscard]] Result<Plan> fit_context(const PlanRequest& request, const DryRun& dry_run = {});

/// Puts exact numbers in the place of a plan's estimates and checks them against the budgets.
/// Fails with ErrorCode::does_not_fit, naming device and bytes.
[[nodiscard]] Result<Plan> finish_plan(Plan plan, const DryRunUsage& usage);

/// Speeds to plan with if nothing was measured. A capped host device has 10 GB/s and 1 us. A GPU
/// has the memory bandwidth that its maker states for a card of that name, else 600 GB/s, and 10
/// us. What an RPC server computes with is not known, so it counts as a GPU of no known name.
struct TypicalSpeed {
    double bandwidth_bytes_per_s = 0;
    double hop_latency_s = 0;
};
/// `gpu_name`: what the driver calls the card, if it is one of this machine's.
[[nodiscard]] TypicalSpeed typical_speed(DeviceKind kind, std::string_view gpu_name = {});

}  // namespace hexcore
