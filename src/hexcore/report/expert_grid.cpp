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

std::string single_grid(const Plan& plan, Color color) {
    const std::size_t n_layers = plan.n_layers;
    const std::string numbers = fmt::format("experts 0-{}", plan.n_experts - 1);
    const std::size_t width =
        row_head.size() + std::max<std::size_t>(plan.n_experts, numbers.size());
    constexpr std::size_t gap = 4;
    constexpr std::size_t least_rows = 8;
    const std::size_t most_blocks =
        std::max<std::size_t>((report_columns + gap) / (width + gap), 1);
    const std::size_t rows = std::max(least_rows, (n_layers + most_blocks - 1) / most_blocks);
    std::vector<std::string> lines(std::min(rows, n_layers) + 1);
    for (std::size_t layer = 0; layer < n_layers; ++layer) {
        const GridLine row = single_row(plan, layer, color);
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

std::string grouped_grid(const Plan& plan, Color color) {
    const std::size_t group = (plan.n_experts + most_single_columns - 1) / most_single_columns;
    std::string text =
        fmt::format("{}experts 0-{}, {} to a character, + where they are on several\n", row_head,
                    plan.n_experts - 1, group);
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
        text += row_start(label, placement.layer_device[first], color).text;
        text += experts.empty() ? "-"
                                : grouped_cells(experts, group, color) + "  " +
                                      counts_text(experts, plan.devices.size());
        text += '\n';
        first = end;
    }
    return text;
}

}  // namespace

std::string expert_grid(const Plan& plan, Color color) {
    if (!has_experts(plan)) {
        return "";
    }
    return plan.n_experts <= most_single_columns ? single_grid(plan, color)
                                                 : grouped_grid(plan, color);
}

}  // namespace hexcore
