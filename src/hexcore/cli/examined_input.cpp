#include "hexcore/cli/examined_input.hpp"

#include <unistd.h>

#include "hexcore/cli/examination_outcome.hpp"
#include "hexcore/cli/examination_request.hpp"
#include "hexcore/process/child_process.hpp"

namespace hexcore {
namespace {

/// The context that is asked for; an ordinary one where the longest is sought.
ContextShape examined_shape(ContextShape shape) {
    if (shape.tokens.value() == 0) {
        shape.tokens = TokenCount(PlanningOptions::default_context_tokens * shape.sequences);
    }
    return shape;
}

}  // namespace

Result<PlanningInput> examined_input(const PlanningOptions& options,
                                     const std::atomic<bool>* stop) {
    HEXCORE_TRY(input, planning_input(options));
    const ExaminationRequest request{.parent = ::getpid(),
                                     .context = examined_shape(input.request.context),
                                     .model = options.model};
    HEXCORE_TRY(outcome,
                run_child({"/proc/self/exe", request.arguments(), examination_deadline}, stop));
    HEXCORE_TRY_VOID(examination_result(options.model, outcome));
    return input;
}

}  // namespace hexcore
