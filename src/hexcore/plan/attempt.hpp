#pragma once

#include <cstdint>
#include <vector>

#include "hexcore/plan/make_plan.hpp"

namespace hexcore {

/// Why a request got no plan although it makes sense: `missing` bytes on a device.
struct NotFitting {
    std::size_t device = 0;
    Bytes missing;
};

/// A plan without its modelled times and explanation, and the facts that it was made with, as far
/// as a dry run told them better, or why there is none.
struct Attempted {
    Plan plan;
    std::vector<DeviceFacts> devices;
    ModelFacts model;
};
using Attempt = tl::expected<Attempted, NotFitting>;

/// When attempt() stops planning again with the numbers that a dry run told. Both give up at the
/// same time, so that what one finds fitting the other does too.
enum class Rounds {
    probe,    ///< as soon as a plan fits
    careful,  ///< when its placement stays the same with the exact numbers
};

/// The request with its context padded and its defaults filled in. Fails with ErrorCode::usage for
/// a request that makes no sense.
[[nodiscard]] Result<PlanRequest> settle(PlanRequest request);

/// Plans a settled request once; tries it out where `dry_run` is not empty, and again with what
/// that told while the exact numbers do not fit or another placement would be better with them.
/// Fails only with what `dry_run` fails with.
[[nodiscard]] Result<Attempt> attempt(const PlanRequest& request, const DryRun& dry_run,
                                      Rounds rounds);

/// The error for a request that does not fit: how much is missing where, and the nearest changes
/// that make it fit, each of them planned to make sure.
[[nodiscard]] Error not_fitting_error(const PlanRequest& request, const DryRun& dry_run,
                                      const NotFitting& why);

/// Completes a plan with the modelled times of all policies and the reasons for it.
void explain(const ModelFacts& model, const Attempted& attempted, const PlaceOptions& options,
             Plan& plan);

}  // namespace hexcore
