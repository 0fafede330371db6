#include "hexcore/report/plan_table.hpp"

#include <fmt/format.h>

#include "hexcore/report/expert_grid.hpp"
#include "hexcore/report/memory_bar.hpp"
#include "hexcore/report/plan_summary.hpp"
#include "hexcore/report/text_table.hpp"

namespace hexcore {
namespace {

constexpr std::size_t bar_columns = 32;

std::string head_text(const Plan& plan) {
    std::string text = hanging_paragraph("Plan      ", plan_title(plan));
    text += hanging_paragraph("model     ", model_sentence(plan));
    text += hanging_paragraph("context   ", context_sentence(plan));
    text += hanging_paragraph("basis     ", basis_sentence(plan));
    return text;
}

std::string device_label(const Plan& plan, std::size_t device) {
    return fmt::format("{}  {}", device_symbol(DeviceId(device)),
                       printable(plan.devices[device].name));
}

std::string fill_text(const Plan& plan, TextStyle style) {
    TextTable table({{"   DEVICE", Align::left},
                     {"PLANNED FILL OF ITS BUDGET", Align::left},
                     {"FILL"},
                     {"LAYERS"},
                     {"EXPERTS"}},
                    style);
    for (std::size_t d = 0; d < plan.devices.size(); ++d) {
        const PlannedDevice& device = plan.devices[d];
        table.add_row(
            {device_label(plan, d),
             memory_bar(device.planned, device.reserve, device.budget, bar_columns, style.charset),
             fmt::format("{:.1f} %", device.fill() * 100), layer_range(plan, DeviceId(d)),
             fmt::format("{}", device.experts)},
            device_escape(DeviceId(d)));
    }
    return table.render() + "   " + memory_bar_legend(has_recurrent_state(plan), style.charset) +
           '\n';
}

std::vector<std::string> usage_cells(std::string label, const Usage& usage, bool with_recurrent) {
    std::vector<std::string> cells = {std::move(label), to_string(usage.weights),
                                      to_string(usage.experts), to_string(usage.kv)};
    if (with_recurrent) {
        cells.push_back(to_string(usage.recurrent));
    }
    cells.insert(cells.end(),
                 {to_string(usage.compute), to_string(usage.staging), to_string(usage.total())});
    return cells;
}

std::string bytes_text(const Plan& plan, TextStyle style) {
    const bool with_recurrent = has_recurrent_state(plan);
    std::vector<TableColumn> columns = {
        {"   PLANNED", Align::left}, {"WEIGHTS"}, {"EXPERTS"}, {"KV CACHE"}};
    if (with_recurrent) {
        columns.push_back({"RECURRENT"});
    }
    columns.insert(columns.end(), {{"COMPUTE"}, {"STAGING"}, {"TOTAL"}, {"BUDGET"}, {"RESERVE"}});
    TextTable table(std::move(columns), style);
    for (std::size_t d = 0; d < plan.devices.size(); ++d) {
        const PlannedDevice& device = plan.devices[d];
        std::vector<std::string> cells =
            usage_cells(device_label(plan, d), device.planned, with_recurrent);
        cells.push_back(to_string(device.budget));
        cells.push_back(to_string(device.reserve));
        table.add_row(std::move(cells), device_escape(DeviceId(d)));
    }
    std::vector<std::string> host = usage_cells("   host memory", plan.host, with_recurrent);
    host.emplace_back("-");
    host.emplace_back("-");
    table.add_row(std::move(host));
    return table.render();
}

std::string reasons_text(const Plan& plan) {
    std::string text;
    if (const std::string times = times_sentence(plan); !times.empty()) {
        text += '\n' + hanging_paragraph("Modelled time of a token: ", times);
    }
    text += plan.explanation.empty() ? "" : "\nWhy\n";
    for (const std::string& line : plan.explanation) {
        text += hanging_paragraph("- ", printable(line));
    }
    return text;
}

}  // namespace

std::string plan_table(const Plan& plan, TextStyle style) {
    std::string text = head_text(plan) + '\n';
    text += fill_text(plan, style) + '\n';
    text += bytes_text(plan, style) + '\n';
    const std::string grid = expert_grid(plan, style.color);
    text += grid.empty() ? "No routed experts: each layer is whole on its device.\n"
                         : "Planned experts: each character is the device that holds one\n" + grid;
    return text + reasons_text(plan);
}

}  // namespace hexcore
