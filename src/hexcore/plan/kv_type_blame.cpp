#include "hexcore/plan/kv_type_blame.hpp"

namespace hexcore {

Error with_kv_type_blamed(Error error, PlanRequest request, const DryRun& dry_run) {
    const KvType asked = request.context.kv_type;
    if (error.code != ErrorCode::bad_input || asked == KvType::f16) {
        return error;
    }
    request.context.kv_type = KvType::f16;
    const auto plain = make_plan(request, dry_run);
    if (!plain && plain.error().code == ErrorCode::interrupted) {
        return plain.error();
    }
    if (!plain && plain.error().code != ErrorCode::does_not_fit) {
        return error;
    }
    error.code = ErrorCode::usage;
    error.message = fmt::format("a KV cache in {} is not for this model, which needs f16: {}",
                                to_string(asked), error.message);
    error.remedies = {{.change = Change::plain_kv_type, .value = to_string(asked)}};
    return error;
}

}  // namespace hexcore
