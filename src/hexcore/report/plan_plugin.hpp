#pragma once

#include <string>

#include "hexcore/plan/plan.hpp"

namespace hexcore {

/// What the plan does not know about the commands to print.
struct PluginCommandOptions {
    std::string model_path;
    std::string plugin_path;              ///< for GGML_BACKEND_PATH
    std::string plan_path = "plan.json";  ///< where the plan will be as JSON
};

/// The devices with layers and how many entries of the tensor split each has, in the order and the
/// form in which -dev and -ts take them. A device that only holds experts is none to libllama.
struct SplitOptions {
    std::string devices;
    std::string split;
};
[[nodiscard]] SplitOptions split_options(const Plan& plan);

/// The command lines with which llama.cpp's own llama-completion, llama-server and llama-bench load
/// the plugin and follow the plan exactly, ready for a POSIX shell.
[[nodiscard]] std::string plan_plugin(const Plan& plan, const PluginCommandOptions& options);

}  // namespace hexcore
