#pragma once

#include <string>

#include "hexcore/plan/make_plan.hpp"

namespace hexcore {

/// What a KV cache takes with its recurrent states, over all devices and host memory.
[[nodiscard]] Bytes cache_bytes_of(const Plan& plan);

/// A context whose cache takes at most a budget.
struct BudgetedContext {
    TokenCount tokens;
    std::string sentence;  ///< why it is not longer
};

/// The longest context, a multiple of 256 tokens for each sequence, whose cache takes at most
/// `budget` for this request's sequences and type; where tokens cost nothing, what the model was
/// trained for. Tried out if a dry run is given, by the request's formulas else. Fails with
/// ErrorCode::does_not_fit where the shortest one takes more, saying how much, and with whatever
/// `dry_run` fails with.
[[nodiscard]] Result<BudgetedContext> longest_within(const PlanRequest& request, Bytes budget,
                                                     const DryRun& dry_run = {});

}  // namespace hexcore
