#include "hexcore/runtime/model_session.hpp"

#include "hexcore/runtime/memory_breakdown.hpp"

namespace hexcore {

Result<ModelSession> ModelSession::load(Machine& machine, const Inventory& inventory,
                                        const Plan& plan, const LoadOptions& options) {
    LoadAttempt attempt(machine, inventory, plan, options);
    HEXCORE_TRY(loaded, attempt.run());
    return ModelSession(machine, std::move(loaded));
}

Usage ModelSession::host_usage() const {
    Usage usage = memory_breakdown(*machine_, *loaded_.context).host;
    usage.staging = loaded_.staging;
    return usage;
}

}  // namespace hexcore
