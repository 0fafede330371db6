#include "hexcore/report/plan_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "hexcore/report/expert_grid.hpp"
#include "hexcore/report/memory_bar.hpp"
#include "hexcore/report/plan_summary.hpp"
#include "hexcore/report/text_table.hpp"

namespace hexcore {
namespace {

std::string head_text(const Plan& plan, std::size_t columns) {
    std::string text = hanging_paragraph("Plan      ", plan_title(plan), columns);
    text += hanging_paragraph("model     ", model_sentence(plan), columns);
    text += hanging_paragraph("context   ", context_sentence(plan), columns);
    if (plan.cache) {
        text += hanging_paragraph("session   ", printable(in_words(*plan.cache)), columns);
    }
    if (const std::string parking = parking_sentence(plan); !parking.empty()) {
        text += hanging_paragraph("parking   ", parking, columns);
    }
    text += hanging_paragraph("basis     ", basis_sentence(plan), columns);
    return text;
}

std::string device_label(const Plan& plan, std::size_t device) {
    return fmt::format("{}  {}", device_symbol(DeviceId(device)),
                       printable(plan.devices[device].name));
}

TextTable fill_table(const Plan& plan, std::size_t bar_columns, TextStyle style) {
    TextTable table({{"   DEVICE", Align::left},
                     {"PLANNED FILL", Align::left},
                     {"FILL"},
                     {"BUDGET"},
                     {"RESERVE"}},
                    style);
    for (std::size_t d = 0; d < plan.devices.size(); ++d) {
        const PlannedDevice& device = plan.devices[d];
        table.add_row(
            {device_label(plan, d),
             memory_bar(device.planned, device.reserve, device.budget, bar_columns, style.charset),
             fmt::format("{:.1f} %", device.fill() * 100), to_string(device.budget),
             to_string(device.reserve)},
            device_escape(DeviceId(d)));
    }
    return table;
}

std::string fill_text(const Plan& plan, TextStyle style) {
    constexpr std::size_t least_bar = 12;  // as wide as its header
    constexpr std::size_t widest_bar = 32;
    const std::size_t others = fill_table(plan, least_bar, style).columns() - least_bar;
    const std::size_t room = style.columns - std::min(others, style.columns);
    std::string text = fill_table(plan, std::clamp(room, least_bar, widest_bar), style).render();
    std::string line = "  ";
    for (const std::string& entry :
         memory_bar_legend(is_planned(plan, Purpose::recurrent), style.charset)) {
        if (text_columns(line) + 2 + text_columns(entry) > style.columns) {
            text += line + '\n';
            line = "  ";
        }
        line += (line.size() > 2 ? "  " : " ") + entry;
    }
    return text + line + '\n';
}

std::string header_of(Purpose purpose) {
    std::string name = shown_name(purpose);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return name;
}

/// Purposes that nothing is planned for have no column.
std::string bytes_text(const Plan& plan, TextStyle style) {
    std::vector<TableColumn> columns = {{"   PLANNED", Align::left}};
    std::vector<Purpose> purposes;
    for (const Purpose purpose : all_purposes) {
        if (is_planned(plan, purpose)) {
            columns.push_back({header_of(purpose)});
            purposes.push_back(purpose);
        }
    }
    columns.push_back({"TOTAL"});
    TextTable table(std::move(columns), style);
    const auto add = [&](std::string label, const Usage& usage, std::string escape) {
        std::vector<std::string> cells = {std::move(label)};
        for (const Purpose purpose : purposes) {
            cells.push_back(to_string(usage[purpose]));
        }
        cells.push_back(to_string(usage.total()));
        table.add_row(std::move(cells), std::move(escape));
    };
    for (std::size_t d = 0; d < plan.devices.size(); ++d) {
        add(device_label(plan, d), plan.devices[d].planned, device_escape(DeviceId(d)));
    }
    add("   host memory", plan.host, "");
    return table.render();
}

std::string layers_cell(const Plan& plan, DeviceId device) {
    const std::uint32_t count = plan.devices[device.value()].layers;
    return count == 0 ? "0" : fmt::format("{} ({})", count, layer_range(plan, device));
}

/// What lies where, counted: layers, experts with their share of all and their ratio between the
/// devices, and what is neither.
std::string placed_text(const Plan& plan, TextStyle style) {
    const bool experts = has_experts(plan);
    std::vector<TableColumn> columns = {{"   PLACED", Align::left}, {"LAYERS"}};
    if (experts) {
        columns.insert(columns.end(), {{"EXPERTS"}, {"SHARE"}, {"RATIO"}});
    }
    columns.push_back({"OTHER", Align::left});
    TextTable table(std::move(columns), style);
    for (std::size_t d = 0; d < plan.devices.size(); ++d) {
        const DeviceId device(d);
        std::vector<std::string> cells = {device_label(plan, d), layers_cell(plan, device)};
        if (experts) {
            cells.push_back(fmt::format("{}", plan.devices[d].experts));
            cells.push_back(fmt::format("{:.1f} %", experts_share(plan, device) * 100));
            cells.push_back(fmt::format("{:.2f}", experts_ratio(plan, device)));
        }
        cells.push_back(has_output(plan, device) ? fmt::format("output {}", to_string(plan.output))
                                                 : std::string());
        table.add_row(std::move(cells), device_escape(device));
    }
    std::vector<std::string> host(experts ? 5 : 2);
    host.front() = "   host memory";
    host.push_back(fmt::format("token embedding {}", to_string(plan.embedding)));
    table.add_row(std::move(host));
    return table.render();
}

std::string reasons_text(const Plan& plan, std::size_t columns) {
    std::string text;
    if (const std::string times = times_sentence(plan); !times.empty()) {
        text += '\n' + hanging_paragraph("Modelled time of a token: ", times, columns);
    }
    text += plan.explanation.empty() ? "" : "\nWhy\n";
    for (const std::string& line : plan.explanation) {
        text += hanging_paragraph("- ", printable(line), columns);
    }
    return text;
}

}  // namespace

std::string plan_table(const Plan& plan, TextStyle style) {
    std::string text = head_text(plan, style.columns) + '\n';
    text += fill_text(plan, style) + '\n';
    text += placed_text(plan, style) + '\n';
    text += bytes_text(plan, style) + '\n';
    const std::string grid = expert_grid(plan, style);
    text += grid.empty() ? "No routed experts: each layer is whole on its device.\n"
                         : "Planned experts: each character is the device that holds one\n" + grid;
    return text + reasons_text(plan, style.columns);
}

}  // namespace hexcore
