#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/plan/plan.hpp"

namespace hexcore {

/// A device_map for Hugging Face's accelerate.
struct AccelerateMap {
    nlohmann::ordered_json device_map;  ///< module name -> GPU number or "cpu"
    std::vector<std::string> notes;     ///< what differs from the plan, a sentence each
};

/// Maps every module of transformers' MixtralForCausalLM, expert by expert, with the module names
/// of transformers 4 (modeling_mixtral.py). Fails with ErrorCode::usage for a model that is not a
/// Mixtral (architecture llama, every layer with the same number of experts) and for RPC devices,
/// which accelerate does not have.
[[nodiscard]] Result<AccelerateMap> plan_accelerate(const Plan& plan);

}  // namespace hexcore
