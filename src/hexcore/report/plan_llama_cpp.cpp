#include "hexcore/report/plan_llama_cpp.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "hexcore/report/llama_cpp_placement.hpp"
#include "hexcore/report/plan_summary.hpp"
#include "hexcore/report/shell_command.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {
namespace {

using LayersByBuffer = std::map<std::string, std::vector<std::size_t>>;

void add_overrides(ShellCommand& command, const LayersByBuffer& layers, std::string_view tensors) {
    for (const auto& [buffer, indices] : layers) {
        command.option(
            "-ot", fmt::format(R"(blk\.({})\.{}={})", fmt::join(indices, "|"), tensors, buffer));
    }
}

void add_devices(ShellCommand& command, const LlamaCppPlacement& placement, const Plan& plan) {
    std::vector<std::string> names;
    std::vector<std::string> servers;
    for (const LlamaCppDevice& device : placement.devices) {
        if (!device.name.empty()) {
            names.push_back(device.name);
        }
        if (!device.endpoint.empty()) {
            servers.push_back(device.endpoint);
        }
    }
    if (!servers.empty()) {
        command.option("--rpc", fmt::format("{}", fmt::join(servers, ",")));
    }
    if (names.empty()) {
        command.option("-dev", "none");
        return;
    }
    command.option("-dev", fmt::format("{}", fmt::join(names, ",")));
    const std::uint32_t on_gpus = plan.n_layers + 1 - placement.leading_host_layers;
    command.option("-ngl", placement.leading_host_layers == 0 ? "999" : fmt::format("{}", on_gpus));
    if (names.size() > 1) {
        command.option("-sm", "layer");
        command.option("-ts", fmt::format("{}", fmt::join(placement.tensor_split, ",")));
    }
}

/// Whether the layer is on the host in the plan, but counted for a GPU by --tensor-split.
bool is_late_host_layer(const LlamaCppPlacement& placement, std::size_t layer) {
    return placement.is_host(placement.layer_device[layer]) &&
           layer >= placement.leading_host_layers;
}

void add_tensors(ShellCommand& command, const LlamaCppPlacement& placement, const Plan& plan) {
    LayersByBuffer experts;
    LayersByBuffer rest;
    const auto buffer_of = [&](DeviceId d) { return placement.devices[d.value()].buffer; };
    for (std::size_t layer = 0; layer < plan.n_layers; ++layer) {
        const bool late = is_late_host_layer(placement, layer);
        const DeviceId target = placement.layer_experts[layer];
        const bool routed = !plan.placement.expert_device[layer].empty();
        const std::string home = buffer_of(plan.placement.layer_device[layer]);
        if (routed && (buffer_of(target) != home || late)) {
            experts[buffer_of(target)].push_back(layer);
        }
        if (late) {
            rest[home].push_back(layer);
        }
    }
    // llama.cpp takes the first pattern that matches, so the experts come before whole layers.
    add_overrides(command, experts, R"(ffn_(gate|up|down|gate_up)_exps\.)");
    add_overrides(command, rest, ".*");
}

/// `expert` is the mean size of one; `out` planned experts leave the device, `in` others come.
std::string device_difference(const PlannedDevice& device, Bytes expert, std::size_t out,
                              std::size_t in) {
    if (out + in == 0) {
        return shell_comment(fmt::format("{}: as planned.", printable(device.name)));
    }
    const Bytes total = saturating_subtract(device.planned.total() + expert * in, expert * out);
    const Bytes usable = saturating_subtract(device.budget, device.reserve);
    const std::string over =
        total > usable
            ? fmt::format(", {} more than its budget less the reserve", to_string(total - usable))
            : std::string();
    return shell_comment(fmt::format("{}: {} go, {} come; about {} instead of {} planned{}.",
                                     printable(device.name), out, in, to_string(total),
                                     to_string(device.planned.total()), over));
}

std::string expert_differences(const Plan& plan, const LlamaCppPlacement& placement) {
    std::size_t n_experts = 0;
    std::size_t n_misplaced = 0;
    for (const auto& experts : plan.placement.expert_device) {
        n_experts += experts.size();
    }
    for (const std::size_t count : placement.misplaced) {
        n_misplaced += count;
    }
    if (n_misplaced == 0) {
        return shell_comment("Every expert is where it was planned.");
    }
    const Bytes expert(plan.experts_bytes.count() / std::max<std::size_t>(n_experts, 1));
    std::string text = shell_comment(fmt::format(
        "llama.cpp places whole tensors: {} of {} experts (about {}) land on another device than "
        "planned.",
        n_misplaced, n_experts, to_string(expert * n_misplaced)));
    for (std::size_t d = 0; d < plan.devices.size(); ++d) {
        text +=
            device_difference(plan.devices[d], expert, placement.misplaced[d], placement.extra[d]);
    }
    return text;
}

std::string host_differences(const Plan& plan, const LlamaCppPlacement& placement) {
    std::vector<std::string> hosts;
    for (std::size_t d = 0; d < plan.devices.size(); ++d) {
        if (placement.is_host(DeviceId(d))) {
            hosts.push_back(printable(plan.devices[d].name));
        }
    }
    std::string text;
    if (!hosts.empty()) {
        text += shell_comment(fmt::format(
            "{} {} ordinary host memory to llama.cpp: one place, with no budget that it keeps.",
            fmt::join(hosts, ", "), hosts.size() == 1 ? "is" : "are"));
    }
    // --tensor-split refuses as many entries as llama.cpp has room for devices.
    constexpr std::size_t most_split_entries = 15;
    if (placement.tensor_split.size() > most_split_entries) {
        text += shell_comment(
            fmt::format("llama.cpp takes at most {} devices for -ts; this plan has {}.",
                        most_split_entries, placement.tensor_split.size()));
    }
    std::size_t n_late = 0;
    for (std::size_t layer = 0; layer < plan.n_layers; ++layer) {
        n_late += is_late_host_layer(placement, layer) ? 1 : 0;
    }
    if (n_late > 0) {
        text += shell_comment(fmt::format(
            "{} host layers come after a GPU's: their weights go to host memory, but llama.cpp "
            "keeps their KV cache (and the output, if it follows them) on that GPU.",
            n_late));
    }
    return text;
}

}  // namespace

std::string plan_llama_cpp(const Plan& plan, const LlamaCppOptions& options) {
    const LlamaCppPlacement placement = round_to_tensors(plan);
    std::string text = shell_comment(fmt::format("Nearest to the plan of {}.", plan_title(plan)));
    text += expert_differences(plan, placement);
    text += host_differences(plan, placement);
    ShellCommand command(options.program);
    command.option("-m", options.model_path);
    add_devices(command, placement, plan);
    add_tensors(command, placement, plan);
    add_context_options(command, plan.context);
    add_adapter_options(command, plan);
    command.option("-fit", "off");  // or it would move what was just placed
    return text + command.text();
}

}  // namespace hexcore
