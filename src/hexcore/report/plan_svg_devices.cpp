#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "hexcore/report/plan_summary.hpp"
#include "hexcore/report/plan_svg_parts.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {
namespace {

constexpr double bar_x = 272;
constexpr double bar_width = 490;
constexpr double row_height = 40;
constexpr double bar_height = 24;

struct Part {
    std::string_view name;
    std::string_view fill;
    Bytes size;
};

std::array<Part, 8> parts_of(const Usage& usage) {
    return {{{"experts", "#2f3e56", usage.experts},
             {"other weights", "#5f779b", usage.weights},
             {"adapters", "#7c8f6f", usage.adapters},
             {"KV cache", "#93aed0", usage.kv},
             {"recurrent", "#a9cdbf", usage.recurrent},
             {"compute", "#c3d2e6", usage.compute},
             {"expert cache", "#8d7fa8", usage.expert_cache},
             {"staging", "#e2d6bd", usage.staging}}};
}

double draw_legend(SvgPage& page, const Plan& plan, double y) {
    double x = bar_x;
    const auto entry = [&](std::string_view name, std::string_view fill) {
        page.box({x, y - 9, 11, 11}, fill);
        page.text(x + 16, y, std::string(name), {.size = 11, .fill = svg_quiet_ink});
        x += 36 + 6.4 * static_cast<double>(name.size());
    };
    for (const Part& part : parts_of({})) {
        if ((part.name != "recurrent" || is_planned(plan, Purpose::recurrent)) &&
            (part.name != "adapters" || is_planned(plan, Purpose::adapters)) &&
            (part.name != "expert cache" || is_planned(plan, Purpose::expert_cache))) {
            entry(part.name, part.fill);
        }
    }
    entry("free", "#eef1f5");
    entry("reserve", SvgPage::hatched);
    return y + 12;
}

/// The parts of one bar from its left end; what is over `right` is cut off.
void draw_parts(SvgPage& page, std::string_view device, const Usage& usage, double per_byte,
                double y, double right) {
    double x = bar_x;
    for (const Part& part : parts_of(usage)) {
        const double width = std::min(part.size.as_double() * per_byte, right - x);
        if (width <= 0) {
            continue;
        }
        const std::string size = to_string(part.size);
        page.box({x, y, width, bar_height}, part.fill,
                 fmt::format("{}: {} planned for {}", device, size, part.name));
        const std::string label = fmt::format("{} {}", part.name, size);
        if (width > 7.0 * static_cast<double>(label.size())) {
            page.text(x + width / 2, y + 16, label,
                      {.size = 11, .anchor = SvgAnchor::middle, .fill = ink_on(part.fill)});
        }
        x += width;
    }
}

void draw_label(SvgPage& page, double y, const std::string& name, const std::string& detail) {
    constexpr std::size_t longest = 20;
    const bool cut = text_columns(name) > longest && name.size() > longest;
    page.text(svg_margin + 24, y + 10, cut ? name.substr(0, longest - 2) + ".." : name,
              {.size = 13, .bold = true});
    page.text(svg_margin + 24, y + 24, detail, {.size = 11, .fill = svg_quiet_ink});
}

void draw_device(SvgPage& page, const Plan& plan, std::size_t index, double per_byte, double y) {
    const PlannedDevice& device = plan.devices[index];
    const DeviceId id(index);
    const std::string name = printable(device.name);
    const std::string experts =
        has_experts(plan)
            ? fmt::format(", {} experts ({:.1f} %)", device.experts, experts_share(plan, id) * 100)
            : std::string();
    page.box({svg_margin, y + 3, 18, 18}, device_fill(id), name);
    page.text(svg_margin + 9, y + 16, std::string(1, device_symbol(id)),
              {.size = 11, .anchor = SvgAnchor::middle, .fill = ink_on(device_fill(id))});
    draw_label(page, y, name,
               fmt::format("{} {}{}", device.layers == 1 ? "layer" : "layers",
                           layer_range(plan, id), experts));
    const double width = device.budget.as_double() * per_byte;
    const double reserve = device.reserve.as_double() * per_byte;
    page.box({bar_x, y, width, bar_height}, "#eef1f5",
             fmt::format("{}: budget {}", name, to_string(device.budget)));
    page.box({bar_x + width - reserve, y, reserve, bar_height}, SvgPage::hatched,
             fmt::format("{}: {} kept free", name, to_string(device.reserve)));
    draw_parts(page, name, device.planned, per_byte, y, bar_x + width);
    page.text(svg_width - svg_margin, y + 10,
              fmt::format("{} of {}", to_string(device.planned.total()), to_string(device.budget)),
              {.anchor = SvgAnchor::end});
    page.text(svg_width - svg_margin, y + 24, fmt::format("{:.1f} % planned", device.fill() * 100),
              {.size = 11, .anchor = SvgAnchor::end, .fill = svg_quiet_ink});
}

void draw_host(SvgPage& page, const Usage& host, double per_byte, double y) {
    draw_label(page, y, "host memory", "outside the devices");
    draw_parts(page, "host memory", host, per_byte, y, bar_x + bar_width);
    page.text(svg_width - svg_margin, y + 10, to_string(host.total()), {.anchor = SvgAnchor::end});
    page.text(svg_width - svg_margin, y + 24, "planned",
              {.size = 11, .anchor = SvgAnchor::end, .fill = svg_quiet_ink});
}

}  // namespace

double draw_devices(SvgPage& page, const Plan& plan, double y) {
    page.text(svg_margin, y, "Planned memory", {.size = 14, .bold = true});
    y = draw_legend(page, plan, y) + 4;
    Bytes largest(1);
    for (const PlannedDevice& device : plan.devices) {
        largest = std::max(largest, device.budget);
    }
    const double per_byte = bar_width / largest.as_double();
    for (std::size_t d = 0; d < plan.devices.size(); ++d) {
        draw_device(page, plan, d, per_byte, y);
        y += row_height;
    }
    draw_host(page, plan.host, per_byte, y);
    return y + row_height;
}

}  // namespace hexcore
