#include "hexcore/api/examined_file.hpp"

#include <unistd.h>

#include "hexcore/api/examination_outcome.hpp"
#include "hexcore/api/examination_request.hpp"
#include "hexcore/api/planned_model.hpp"
#include "hexcore/process/child_process.hpp"

namespace hexcore {

Result<void> examine_apart(const std::filesystem::path& examiner,
                           const std::filesystem::path& model, ContextShape context,
                           const std::atomic<bool>* stop) {
    if (context.tokens == TokenCount()) {  // the longest is sought: an ordinary one will do
        context.tokens = TokenCount(default_context_tokens * context.sequences);
    }
    const ExaminationRequest request{.parent = ::getpid(), .context = context, .model = model};
    auto outcome = run_child({examiner, request.arguments(), examination_deadline}, stop);
    if (!outcome) {
        Error& error = outcome.error();
        if (error.code == ErrorCode::usage && error.remedies.empty()) {
            error.remedies = {{Change::name_examiner}};
        }
        return tl::unexpected(std::move(error));
    }
    return examination_result(examiner, model, *std::move(outcome));
}

}  // namespace hexcore
