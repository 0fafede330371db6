#include "hexcore/report/plan_plugin.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "hexcore/report/plan_summary.hpp"
#include "hexcore/report/shell_command.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {
namespace {

ShellCommand command_for(std::string_view program, const PluginCommandOptions& options) {
    ShellCommand command(program);
    command.variable("GGML_BACKEND_PATH", options.plugin_path);
    command.variable("HEXCORE_PLAN", options.plan_path);
    command.option("-m", options.model_path);
    return command;
}

/// llama-completion and llama-server open the plugin only when they are asked for its devices.
ShellCommand common_command(std::string_view program, const Plan& plan,
                            const PluginCommandOptions& options) {
    const SplitOptions placed = split_options(plan);
    ShellCommand command = command_for(program, options);
    command.variable("LLAMA_ARG_DEVICE", placed.devices);
    command.variable("LLAMA_ARG_FIT", "off");  // or it would move what was just placed
    command.option("-ts", placed.split);
    add_context_options(command, plan.context);
    add_adapter_options(command, plan);
    return command;
}

/// It has no option for the context, and uses all devices that there are unless told otherwise:
/// GPUs once more, where it was built for them.
ShellCommand bench_command(const Plan& plan, const PluginCommandOptions& options) {
    ShellCommand command = command_for("llama-bench", options);
    const std::vector<std::uint32_t> entries = layer_split(plan.placement, plan.devices.size());
    const bool has_gpu =
        std::any_of(plan.devices.begin(), plan.devices.end(),
                    [](const PlannedDevice& device) { return device.kind == DeviceKind::cuda; });
    if (has_gpu) {
        std::vector<std::string> names;
        for (const PlannedDevice& device : plan.devices) {
            names.push_back(device.name);
        }
        command.option("-dev", fmt::format("{}", fmt::join(names, "/")));
    }
    command.option("-ts", fmt::format("{}", fmt::join(entries, "/")));
    command.option("-ub", fmt::format("{}", plan.context.ubatch.value()));
    if (plan.context.kv_type != KvType::f16) {
        command.option("-ctk", to_string(plan.context.kv_type));
        command.option("-ctv", to_string(plan.context.kv_type));
        command.option("-fa", "1");
    }
    return command;
}

}  // namespace

SplitOptions split_options(const Plan& plan) {
    std::vector<std::string> names;
    std::vector<std::uint32_t> split;
    const std::vector<std::uint32_t> entries = layer_split(plan.placement, plan.devices.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (entries[i] > 0) {
            names.push_back(plan.devices[i].name);
            split.push_back(entries[i]);
        }
    }
    return {fmt::format("{}", fmt::join(names, ",")), fmt::format("{}", fmt::join(split, ","))};
}

std::string plan_plugin(const Plan& plan, const PluginCommandOptions& options) {
    std::string text = shell_comment(
        fmt::format("The plan of {}, expert by expert and within its budgets.", plan_title(plan)));
    text += shell_comment(fmt::format(
        "{} is what the same hexcore command prints with --format json in place of --format "
        "llama.cpp. HEXCORE_REPORT=FILE writes what was planned, accounted and measured.",
        options.plan_path));
    text += '\n';
    text += common_command("llama-completion", plan, options).text();
    ShellCommand server = common_command("llama-server", plan, options);
    if (plan.context.sequences == 1) {
        server.option("-np", "1");
    }
    server.flag("--no-kv-unified");
    text += fmt::format("\n{}\n", server.text());
    text += shell_comment(
        "llama-bench makes contexts as long as its tests (-p, -n, -d), not as the plan's.");
    return text + bench_command(plan, options).text();
}

}  // namespace hexcore
