#include "hexcore/assistant/assistant_plan.hpp"

namespace hexcore {

void plan_for(const AssistantDescription& assistant, PlanningOptions& options) {
    options.computing.states = assistant.experts.size() > 1;
}

}  // namespace hexcore
