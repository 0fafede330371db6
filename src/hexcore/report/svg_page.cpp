#include "hexcore/report/svg_page.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <sstream>

namespace hexcore {
namespace {

/// A tenth of a pixel is enough, and keeps a map of 15,000 cells small.
std::string tenths(double value) {
    std::string text = fmt::format("{:.1f}", value);
    if (text.ends_with(".0")) {
        text.resize(text.size() - 2);
    }
    return text;
}

void set(pugi::xml_node node, const char* name, const std::string& value) {
    node.append_attribute(name).set_value(value.c_str());
}

void set_box(pugi::xml_node node, const SvgBox& where) {
    set(node, "x", tenths(where.x));
    set(node, "y", tenths(where.y));
    set(node, "width", tenths(where.width));
    set(node, "height", tenths(where.height));
}

void finish_shape(pugi::xml_node shape, std::string_view fill, const std::string& tooltip) {
    set(shape, "fill", std::string(fill));
    if (!tooltip.empty()) {
        shape.append_child("title").text().set(tooltip.c_str());
    }
}

void add_hatching(pugi::xml_node svg) {
    pugi::xml_node pattern = svg.append_child("defs").append_child("pattern");
    set(pattern, "id", "hexcore-reserve");
    set(pattern, "width", "6");
    set(pattern, "height", "6");
    set(pattern, "patternUnits", "userSpaceOnUse");
    pugi::xml_node line = pattern.append_child("path");
    set(line, "d", "M0 6L6 0M-1 1L1 -1M5 7L7 5");
    set(line, "stroke", "#a9b4c0");
    set(line, "stroke-width", "1.2");
}

}  // namespace

SvgPage::SvgPage(double width, const std::string& title, const std::string& description)
    : width_(width) {
    svg_ = document_.append_child("svg");
    set(svg_, "xmlns", "http://www.w3.org/2000/svg");
    set(svg_, "role", "img");
    set(svg_, "font-family", "system-ui, 'DejaVu Sans', Arial, sans-serif");
    svg_.append_child("title").text().set(title.c_str());
    svg_.append_child("desc").text().set(description.c_str());
    add_hatching(svg_);
    ground_ = svg_.append_child("rect");
    set(ground_, "fill", "#ffffff");
}

void SvgPage::box(const SvgBox& where, std::string_view fill, const std::string& tooltip) {
    pugi::xml_node rect = svg_.append_child("rect");
    set_box(rect, where);
    finish_shape(rect, fill, tooltip);
}

void SvgPage::area(const std::vector<SvgPoint>& outline, std::string_view fill,
                   const std::string& tooltip) {
    std::string way;
    for (const SvgPoint& point : outline) {
        way += fmt::format("{}{} {}", way.empty() ? "M" : "L", tenths(point.x), tenths(point.y));
    }
    pugi::xml_node path = svg_.append_child("path");
    set(path, "d", way + "Z");
    finish_shape(path, fill, tooltip);
}

void SvgPage::dot(const SvgPoint& middle, double radius, std::string_view fill,
                  const std::string& tooltip) {
    pugi::xml_node circle = svg_.append_child("circle");
    set(circle, "cx", tenths(middle.x));
    set(circle, "cy", tenths(middle.y));
    set(circle, "r", tenths(radius));
    finish_shape(circle, fill, tooltip);
}

void SvgPage::text(double x, double y, const std::string& words, const SvgText& look) {
    pugi::xml_node node = svg_.append_child("text");
    set(node, "x", tenths(x));
    set(node, "y", tenths(y));
    set(node, "font-size", tenths(look.size));
    set(node, "fill", std::string(look.fill));
    if (look.anchor != SvgAnchor::start) {
        set(node, "text-anchor", look.anchor == SvgAnchor::end ? "end" : "middle");
    }
    if (look.bold) {
        set(node, "font-weight", "bold");
    }
    node.text().set(words.c_str());
}

std::string SvgPage::finish(double height) {
    set(svg_, "viewBox", fmt::format("0 0 {} {}", tenths(width_), tenths(height)));
    set(svg_, "width", tenths(width_));
    set(svg_, "height", tenths(height));
    set_box(ground_, {0, 0, width_, height});
    std::ostringstream out;
    document_.save(out, " ", pugi::format_default, pugi::encoding_utf8);
    return out.str();
}

std::string_view device_fill(DeviceId device) {
    constexpr std::array<std::string_view, 16> fills = {
        "#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#b07aa1", "#edc948", "#76b7b2", "#9c755f",
        "#ff9da7", "#3b3b8f", "#a0cbe8", "#8cd17d", "#c2417f", "#79706e", "#b6992d", "#1b6f6a"};
    return fills[device.value() % fills.size()];
}

std::string_view ink_on(std::string_view fill) {
    unsigned rgb = 0;
    std::from_chars(fill.data() + 1, fill.data() + fill.size(), rgb, 16);
    const double red = (rgb >> 16U) & 0xFFU;
    const double green = (rgb >> 8U) & 0xFFU;
    const double blue = rgb & 0xFFU;
    // Rec. 601 luma.
    return 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? "#1f2933" : "#ffffff";
}

}  // namespace hexcore
