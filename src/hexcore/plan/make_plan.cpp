#include "hexcore/plan/make_plan.hpp"

#include "hexcore/plan/expert_cache.hpp"
#include "hexcore/plan/kv_cache.hpp"
#include "hexcore/plan/planning_rounds.hpp"

namespace hexcore {
namespace {

/// What a reader of the plan may not expect of its context.
std::vector<std::string> context_sentences(const PlanRequest& asked, const ContextShape& planned) {
    std::vector<std::string> sentences;
    const std::uint32_t tokens = asked.context.tokens.value();
    if (tokens != 0 && tokens != planned.tokens.value()) {
        sentences.push_back(
            fmt::format("The context of {} tokens is padded to {}: libllama gives each sequence a "
                        "multiple of 256.",
                        tokens, planned.tokens.value()));
    }
    const std::uint32_t each = planned.tokens.value() / planned.sequences;
    const std::uint32_t trained = asked.model.n_ctx_train;
    if (trained > 0 && each > padded({.tokens = TokenCount(trained)}).tokens.value()) {
        sentences.push_back(
            fmt::format("{} tokens a sequence are more than the {} that the model was trained for; "
                        "what it says beyond them may make no sense.",
                        each, trained));
    }
    return sentences;
}

}  // namespace

Result<PlanRequest> completed(PlanRequest request) {
    if (request.devices.empty() || request.devices.size() > max_devices) {
        return fail(ErrorCode::usage, {{.change = Change::fewer_devices, .count = max_devices}},
                    "{} devices to plan for", request.devices.size());
    }
    if (request.model.layers.empty()) {
        return fail(ErrorCode::bad_input, "model '{}' has no layers", request.model.name);
    }
    if (request.context.sequences == 0 || request.context.ubatch == TokenCount(0)) {
        return fail(ErrorCode::usage,
                    "{} sequences and a ubatch of {} tokens: both must be at least 1",
                    request.context.sequences, request.context.ubatch.value());
    }
    HEXCORE_TRY_VOID(check_expert_cache(request));
    if (request.context.tokens == TokenCount(0)) {
        request.context.tokens = TokenCount(
            request.model.n_ctx_train > 0 ? request.model.n_ctx_train : default_context_tokens);
    }
    request.context = padded(request.context);
    return request;
}

Result<Plan> make_plan(const PlanRequest& request) { return make_plan(request, DryRun()); }

Result<Plan> make_plan(const PlanRequest& request, const DryRun& dry_run) {
    HEXCORE_TRY(whole, completed(request));
    Trials trials(dry_run);
    HEXCORE_TRY(fitting, run_rounds(whole, trials, Rounds::careful));
    if (!fitting) {
        HEXCORE_TRY(shortage, measure_shortage(whole, trials, fitting.error()));
        return tl::unexpected(not_fitting_error(whole, trials, shortage));
    }
    Plan plan = fitting->plan;
    HEXCORE_TRY_VOID(explain(whole, *fitting, trials, plan));
    const std::vector<std::string> first = context_sentences(request, plan.context);
    plan.explanation.insert(plan.explanation.begin(), first.begin(), first.end());
    return plan;
}

Result<Plan> finish_plan(Plan plan, const DryRunUsage& usage) {
    take_over(usage, plan);
    if (const std::optional<NotFitting> over = furthest_over(plan)) {
        const PlannedDevice& device = plan.devices[over->device];
        return fail(ErrorCode::does_not_fit, {{Change::raise_budget}, {Change::lower_context}},
                    "{} takes {} with this plan, {} bytes ({}) more than its budget of {} less the "
                    "reserve of {}",
                    device.name, to_string(device.planned.total()), over->missing.count(),
                    to_string(over->missing), to_string(device.budget), to_string(device.reserve));
    }
    return plan;
}

}  // namespace hexcore
