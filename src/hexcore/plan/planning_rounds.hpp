#pragma once

#include <cstdint>
#include <vector>

#include "hexcore/plan/draft.hpp"

namespace hexcore {

/// A plan that fits, still without modelled times and explanation, and the facts that it was made
/// with, which a dry run may have corrected.
struct FittingPlan {
    Plan plan;
    std::vector<DeviceFacts> devices;
    ModelFacts model;
};
/// What run_rounds() finds, or why nothing fits.
using RoundsOutcome = tl::expected<FittingPlan, NotFitting>;

/// How far run_rounds() goes. What one of them finds to fit, those below it here find to fit, too.
enum class Rounds {
    hasty,    ///< to the first plan that fits, without a look at ample budgets
    probe,    ///< to the first plan that fits
    careful,  ///< until a fitting plan's placement stays the same with the exact numbers
};

/// Tries placements of one model out, each once: what a dry run of it told is kept. An answer does
/// not depend on what was asked before.
class Trials {
public:
    /// `dry_run` must outlive it; an empty one means to plan by estimates.
    explicit Trials(const DryRun& dry_run) : dry_run_(dry_run) {}
    Trials(const Trials&) = delete;
    Trials& operator=(const Trials&) = delete;

    [[nodiscard]] bool exact() const { return static_cast<bool>(dry_run_); }
    /// What the plan's placement takes in its context. Fails with what the dry run fails with.
    [[nodiscard]] Result<DryRunUsage> usage_of(const Plan& plan);

private:
    struct Known {
        ContextShape context;
        Placement placement;
        std::vector<std::uint32_t> expert_cache_slots;  ///< [device]
        DryRunUsage usage;
    };

    const DryRun& dry_run_;
    std::vector<Known> known_;
};

/// The request with its context padded and its defaults filled in. Fails with ErrorCode::usage for
/// a request that makes no sense.
[[nodiscard]] Result<PlanRequest> completed(PlanRequest request);

/// Plans a completed request once. If there are dry runs, it tries the plan out, and plans again
/// with what that told as long as the exact numbers do not fit or another placement would be better
/// with them. Before it gives up it tries what would be planned with ample budgets. That makes at
/// most 12 dry runs, twice as many with an expert cache, which is planned only where something is
/// to be in it. Fails only with what a dry run fails with.
[[nodiscard]] Result<RoundsOutcome> run_rounds(const PlanRequest& request, Trials& trials,
                                               Rounds rounds);

/// How many bytes are missing, once run_rounds() said that a request does not fit.
struct Shortage {
    std::size_t device = 0;
    Bytes missing;
    /// With so many bytes more on that device alone the request fits.
    bool enough = false;
    bool proven = false;  ///< They are enough, and with one less the request does not fit.
};
/// Measures it by planning again. Fails only with what a dry run fails with.
[[nodiscard]] Result<Shortage> measure_shortage(const PlanRequest& request, Trials& trials,
                                                const NotFitting& why);

/// What to write before the number of bytes, unless it is proven: "about ", "at least about ".
[[nodiscard]] const char* certainty(const Shortage& shortage);

/// The error for a request that does not fit: how much is missing where, and the nearest changes
/// that make it fit, each of them planned to make sure. If an interrupt came, it is that.
[[nodiscard]] Error not_fitting_error(const PlanRequest& request, Trials& trials,
                                      const Shortage& shortage);

/// Completes a plan with the modelled times of all policies and the reasons for it. Whether another
/// policy fits is found out as for the plan itself. Fails only with what a dry run fails with.
[[nodiscard]] Result<void> explain(const PlanRequest& request, const FittingPlan& fitting,
                                   Trials& trials, Plan& plan);

}  // namespace hexcore
