#include "hexcore/report/expert_grid.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "hexcore/report/plan_summary.hpp"

namespace hexcore {
namespace {

constexpr std::size_t most_single_columns = 64;
constexpr std::string_view row_head = "layer  on  ";

/// A line of the grid, coloured, with the columns that it takes on the screen.
struct GridLine {
    std::string text;
    std::size_t columns = 0;
};

std::string symbol_of(DeviceId device, Color color) {
    return paint(std::string(1, device_symbol(device)), device, color);
}

GridLine row_start(std::string_view label, DeviceId home, Color color) {
    return {fmt::format("{:>5}   {}  ", label, symbol_of(home, color)), row_head.size()};
}

GridLine single_row(const Plan& plan, std::size_t layer, Color color) {
    GridLine row = row_start(fmt::format("{}", layer), plan.placement.layer_device[layer], color);
    const std::vector<DeviceId>& experts = plan.placement.expert_device[layer];
    for (const DeviceId device : experts) {
        row.text += symbol_of(device, color);
        ++row.columns;
    }
    if (experts.empty()) {
        row.text += '-';
        ++row.columns;
    }
    return row;
}

std::string single_grid(const Plan& plan, TextStyle style) {
    const std::size_t n_layers = plan.n_layers;
    const std::string numbers = fmt::format("experts 0-{}", plan.n_experts - 1);
    const std::size_t width =
        row_head.size() + std::max<std::size_t>(plan.n_experts, numbers.size());
    constexpr std::size_t gap = 4;
    constexpr std::size_t least_rows = 8;
    const std::size_t most_blocks = std::max<std::size_t>((style.columns + gap) / (width + gap), 1);
    const std::size_t rows = std::max(least_rows, (n_layers + most_blocks - 1) / most_blocks);
    std::vector<std::string> lines(std::min(rows, n_layers) + 1);
    for (std::size_t layer = 0; layer < n_layers; ++layer) {
        const GridLine row = single_row(plan, layer, style.color);
        std::string& line = lines[1 + layer % rows];
        line += row.text;
        const bool more = layer + rows < n_layers;
        line.append(more ? width + gap - row.columns : 0, ' ');
        if (layer % rows == 0) {
            lines[0] += fmt::format("{}{}", row_head, numbers);
            lines[0].append(more ? width + gap - row_head.size() - numbers.size() : 0, ' ');
        }
    }
    std::string text;
    for (const std::string& line : lines) {
        text += line + '\n';
    }
    return text;
}

/// "200 on 3, 56 on 4"; beyond two devices only how many there are and their smallest and largest
/// share.
std::string counts_text(const std::vector<DeviceId>& experts, std::size_t n_devices) {
    std::vector<std::uint32_t> counts = count_by_device(experts, n_devices);
    const auto holders = static_cast<std::size_t>(
        std::count_if(counts.begin(), counts.end(), [](std::uint32_t count) { return count > 0; }));
    constexpr std::size_t most_listed = 2;
    if (holders > most_listed) {
        const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
        return fmt::format("{} devices, {}-{} each", holders, *least, *most);
    }
    std::string text;
    for (std::size_t d = 0; d < n_devices; ++d) {
        if (counts[d] > 0) {
            text += fmt::format("{}{} on {}", text.empty() ? "" : ", ", counts[d],
                                device_symbol(DeviceId(d)));
        }
    }
    return text;
}

std::string grouped_cells(const std::vector<DeviceId>& experts, std::size_t group, Color color) {
    std::string cells;
    for (std::size_t first = 0; first < experts.size(); first += group) {
        const auto begin = experts.begin() + static_cast<std::ptrdiff_t>(first);
        const auto end =
            begin + static_cast<std::ptrdiff_t>(std::min(group, experts.size() - first));
        const bool same = std::all_of(begin, end, [&](DeviceId d) { return d == *begin; });
        cells += same ? symbol_of(*begin, color) : "+";
    }
    return cells;
}

/// Neighbours that one character stands for, so that cells and counts fit into a line: a power of
/// two, as numbers of experts mostly are.
std::size_t group_size(const Plan& plan, std::size_t columns) {
    std::size_t counts_columns = 0;
    for (const std::vector<DeviceId>& experts : plan.placement.expert_device) {
        counts_columns = std::max(counts_columns, counts_text(experts, plan.devices.size()).size());
    }
    const std::size_t taken = row_head.size() + 2 + counts_columns;
    const std::size_t room =
        std::clamp<std::size_t>(columns - std::min(taken, columns), 1, most_single_columns);
    std::size_t group = 1;
    while ((plan.n_experts + group - 1) / group > room) {
        group *= 2;
    }
    return group;
}

std::string grouped_grid(const Plan& plan, TextStyle style) {
    const std::size_t group = group_size(plan, style.columns);
    std::string text = hanging_paragraph(
        row_head,
        fmt::format("experts 0-{}, {} to a character, + where they are on several",
                    plan.n_experts - 1, group),
        style.columns);
    const Placement& placement = plan.placement;
    for (std::size_t first = 0; first < plan.n_layers;) {
        std::size_t end = first + 1;
        while (end < plan.n_layers &&
               placement.layer_device[end] == placement.layer_device[first] &&
               placement.expert_device[end] == placement.expert_device[first]) {
            ++end;
        }
        const std::vector<DeviceId>& experts = placement.expert_device[first];
        const std::string label =
            end - first == 1 ? fmt::format("{}", first) : fmt::format("{}-{}", first, end - 1);
        text += row_start(label, placement.layer_device[first], style.color).text;
        text += experts.empty() ? "-"
                                : grouped_cells(experts, group, style.color) + "  " +
                                      counts_text(experts, plan.devices.size());
        text += '\n';
        first = end;
    }
    return text;
}

}  // namespace

std::string expert_grid(const Plan& plan, TextStyle style) {
    if (!has_experts(plan)) {
        return "";
    }
    const bool single =
        plan.n_experts <= most_single_columns && row_head.size() + plan.n_experts <= style.columns;
    return single ? single_grid(plan, style) : grouped_grid(plan, style);
}

}  // namespace hexcore
