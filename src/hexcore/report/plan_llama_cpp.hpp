#pragma once

#include <string>

#include "hexcore/plan/plan.hpp"

namespace hexcore {

/// What the plan does not know about the command to print.
struct LlamaCppOptions {
    std::string program = "llama-completion";
    std::string model_path;
};

/// The command line with which stock llama.cpp comes nearest to the plan, ready for a POSIX shell,
/// and as shell comments what will differ. llama.cpp places whole tensors: a layer's experts all go
/// to the device that holds most of them, and host devices are one to it, without a budget.
[[nodiscard]] std::string plan_llama_cpp(const Plan& plan, const LlamaCppOptions& options);

}  // namespace hexcore
