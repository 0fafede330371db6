// The map of layers by experts. With more layers than experts the layers run across the page, else
// down, so that Mixtral's 32 x 8 and DeepSeek's 61 x 256 both use its width.
#include <fmt/format.h>

#include <algorithm>

#include "hexcore/report/plan_summary.hpp"
#include "hexcore/report/plan_svg_parts.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {
namespace {

constexpr double gutter = 62;  // for labels, left of the map
constexpr double strip_gap = 5;
constexpr std::string_view no_experts_fill = "#eef1f5";

enum class LayersRun { across, down };

/// Where a layer's own device and its experts are drawn. `along` is the direction of the layers.
struct Map {
    LayersRun run = LayersRun::across;
    double x = svg_margin + gutter;
    double y = 0;
    double layer_step = 0;
    double expert_step = 0;
    double strip = 0;  // thickness of the layers' own cells

    [[nodiscard]] SvgBox box(std::size_t layer, double from, double to) const {
        const double at = static_cast<double>(layer) * layer_step;
        const double thickness = layer_step - gap(layer_step);
        if (run == LayersRun::across) {
            return {x + at, y + from, thickness, to - from - gap(expert_step)};
        }
        return {x + from, y + at, to - from - gap(expert_step), thickness};
    }
    [[nodiscard]] SvgBox home(std::size_t layer) const { return box(layer, 0, strip); }
    [[nodiscard]] SvgBox experts(std::size_t layer, std::size_t first, std::size_t end) const {
        const double start = strip + strip_gap;
        return box(layer, start + static_cast<double>(first) * expert_step,
                   start + static_cast<double>(end) * expert_step);
    }
    static double gap(double step) { return step >= 7 ? 1 : 0; }
};

Map map_of(const Plan& plan, double y) {
    const double n_layers = std::max(plan.n_layers, 1U);
    const double n_experts = std::max(plan.n_experts, 1U);
    const double room = svg_width - 2 * svg_margin - gutter;
    Map map;
    map.y = y;
    if (n_layers >= n_experts) {
        map.run = LayersRun::across;
        map.layer_step = std::min(27.0, room / n_layers);
        map.expert_step = std::clamp(440 / n_experts, 7.0, 22.0);
        map.strip = 22;
    } else {
        map.run = LayersRun::down;
        map.strip = 22;
        map.layer_step = std::clamp(640 / n_layers, 9.0, 22.0);
        map.expert_step = std::min(27.0, (room - map.strip - strip_gap) / n_experts);
    }
    return map;
}

void draw_cell(SvgPage& page, const SvgBox& where, DeviceId device, const std::string& tooltip) {
    page.box(where, device_fill(device), tooltip);
    constexpr double least_for_symbol = 13;
    if (where.width >= least_for_symbol && where.height >= least_for_symbol) {
        page.text(where.x + where.width / 2, where.y + where.height / 2 + 4,
                  std::string(1, device_symbol(device)),
                  {.size = 11, .anchor = SvgAnchor::middle, .fill = ink_on(device_fill(device))});
    }
}

std::string device_name(const Plan& plan, DeviceId device) {
    return printable(plan.devices[device.value()].name);
}

void draw_layer(SvgPage& page, const Plan& plan, const Map& map, std::size_t layer) {
    const DeviceId home = plan.placement.layer_device[layer];
    draw_cell(page, map.home(layer), home,
              fmt::format("layer {}: attention, KV cache and shared weights on {}", layer,
                          device_name(plan, home)));
    const std::vector<DeviceId>& experts = plan.placement.expert_device[layer];
    if (experts.empty() && plan.n_experts > 0) {
        page.box(map.experts(layer, 0, plan.n_experts), no_experts_fill,
                 fmt::format("layer {}: no routed experts", layer));
    }
    // Small cells of one device become one box: fewer boxes, and no seams between them.
    const bool merge = map.expert_step < 7;
    for (std::size_t first = 0; first < experts.size();) {
        std::size_t end = first + 1;
        while (merge && end < experts.size() && experts[end] == experts[first]) {
            ++end;
        }
        const std::string which = end - first == 1 ? fmt::format("expert {}", first)
                                                   : fmt::format("experts {}-{}", first, end - 1);
        draw_cell(page, map.experts(layer, first, end), experts[first],
                  fmt::format("layer {}, {}: {}", layer, which, device_name(plan, experts[first])));
        first = end;
    }
}

/// Every how many cells a label has room.
std::size_t label_step(double step, double room) {
    for (const std::size_t every : {1U, 2U, 4U, 8U, 16U, 32U}) {
        if (step * static_cast<double>(every) >= room) {
            return every;
        }
    }
    return 64;
}

void draw_axes(SvgPage& page, const Plan& plan, const Map& map) {
    const bool across = map.run == LayersRun::across;
    const SvgText above{.size = 10, .anchor = SvgAnchor::middle, .fill = svg_quiet_ink};
    const SvgText beside{.size = 10, .anchor = SvgAnchor::end, .fill = svg_quiet_ink};
    const double side_x = map.x - 7;
    const double top_y = map.y - 6;
    const auto center = [](double start, double extent) { return start + extent / 2; };
    const std::size_t layers_every = label_step(map.layer_step, across ? 22 : 11);
    for (std::size_t layer = 0; layer < plan.n_layers; layer += layers_every) {
        const SvgBox cell = map.home(layer);
        const std::string label = fmt::format("{}", layer);
        if (across) {
            page.text(center(cell.x, cell.width), top_y, label, above);
        } else {
            page.text(side_x, center(cell.y, cell.height) + 4, label, beside);
        }
    }
    page.text(side_x, top_y, "layer", beside);
    const SvgBox first = map.home(0);
    if (across) {
        page.text(side_x, center(first.y, first.height) + 4, "attention", beside);
    } else {
        page.text(center(first.x, first.width), top_y, "attn", above);
    }
    const std::size_t experts_every = label_step(map.expert_step, across ? 11 : 24);
    for (std::size_t expert = 0; has_experts(plan) && expert < plan.n_experts;
         expert += experts_every) {
        const SvgBox cell = map.experts(0, expert, expert + 1);
        const std::string label = across && expert == 0 ? "expert 0" : fmt::format("{}", expert);
        if (across) {
            page.text(side_x, center(cell.y, cell.height) + 4, label, beside);
        } else {
            page.text(center(cell.x, cell.width), top_y, label, above);
        }
    }
}

double draw_device_legend(SvgPage& page, const Plan& plan, double y) {
    double x = svg_margin + gutter;
    for (std::size_t d = 0; d < plan.devices.size(); ++d) {
        const std::string label =
            fmt::format("{} {}", device_symbol(DeviceId(d)), device_name(plan, DeviceId(d)));
        const double width = 30 + 7.2 * static_cast<double>(text_columns(label));
        if (x + width > svg_width - svg_margin && d > 0) {
            x = svg_margin + gutter;
            y += 18;
        }
        page.box({x, y - 9, 11, 11}, device_fill(DeviceId(d)));
        page.text(x + 16, y, label, {.size = 11, .fill = svg_quiet_ink});
        x += width;
    }
    return y;
}

}  // namespace

double draw_experts(SvgPage& page, const Plan& plan, double y) {
    const double head_y = y;
    y = draw_device_legend(page, plan, y + 22);
    const Map map = map_of(plan, y + 30);
    const std::string_view axes = map.run == LayersRun::across
                                      ? "a column is a layer, a row an expert"
                                      : "a row is a layer, a column an expert";
    page.text(svg_margin, head_y,
              fmt::format("Planned place of every layer{}",
                          has_experts(plan) ? fmt::format(" and expert: {}", axes)
                                            : " (no routed experts)"),
              {.size = 14, .bold = true});
    draw_axes(page, plan, map);
    for (std::size_t layer = 0; layer < plan.n_layers; ++layer) {
        draw_layer(page, plan, map, layer);
    }
    const double layers = map.layer_step * plan.n_layers;
    const double experts =
        map.strip + (has_experts(plan) ? strip_gap + map.expert_step * plan.n_experts : 0);
    return map.y + (map.run == LayersRun::across ? experts : layers);
}

}  // namespace hexcore
