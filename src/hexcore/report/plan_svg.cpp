#include "hexcore/report/plan_svg.hpp"

#include <fmt/format.h>

#include "hexcore/report/plan_summary.hpp"
#include "hexcore/report/plan_svg_parts.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {
namespace {

// Of the 12 px font, by its average character; wide letters still stay inside the margin.
constexpr std::size_t line_columns = 150;
constexpr double line_height = 17;

double draw_paragraph(SvgPage& page, double y, std::string_view words) {
    for (const std::string& line : wrap_text(words, line_columns)) {
        page.text(svg_margin, y, line, {.fill = svg_quiet_ink});
        y += line_height;
    }
    return y;
}

double draw_reasons(SvgPage& page, const Plan& plan, double y) {
    if (const std::string times = times_sentence(plan); !times.empty()) {
        page.text(svg_margin, y, "Modelled time of a token", {.size = 14, .bold = true});
        y = draw_paragraph(page, y + 20, times) + 14;
    }
    if (!plan.explanation.empty()) {
        page.text(svg_margin, y, "Why", {.size = 14, .bold = true});
        y += 20;
    }
    for (const std::string& reason : plan.explanation) {
        y = draw_paragraph(page, y, printable(reason)) + 3;
    }
    return y;
}

}  // namespace

std::string plan_svg(const Plan& plan) {
    const std::string title = plan_title(plan);
    const std::string basis = basis_sentence(plan);
    SvgPage page(svg_width, "Plan of " + title,
                 fmt::format("{}. {}. {}.", model_sentence(plan), context_sentence(plan), basis));
    double y = svg_margin + 12;
    page.text(svg_margin, y, title, {.size = 20, .bold = true});
    y = draw_paragraph(page, y + 24, model_sentence(plan));
    y = draw_paragraph(page, y, context_sentence(plan));
    y = draw_paragraph(page, y, basis);
    y = draw_devices(page, plan, y + 18);
    y = draw_experts(page, plan, y + 18);
    y = draw_reasons(page, plan, y + 24);
    return page.finish(y + svg_margin / 2);
}

}  // namespace hexcore
