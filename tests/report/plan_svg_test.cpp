#include "hexcore/report/plan_svg.hpp"

#include <gmock/gmock.h>

#include <cstring>
#include <pugixml.hpp>

#include "hexcore/report/svg_page.hpp"
#include "support/golden.hpp"
#include "support/plans.hpp"

namespace hexcore::test {
namespace {

using ::testing::HasSubstr;

struct Counts {
    std::size_t tooltips = 0;
    std::size_t outside = 0;  ///< boxes that leave the page
};

Counts look_through(const std::string& svg) {
    pugi::xml_document document;
    EXPECT_TRUE(document.load_string(svg.c_str()));
    const pugi::xml_node root = document.child("svg");
    const double width = root.attribute("width").as_double();
    const double height = root.attribute("height").as_double();
    Counts counts;
    for (const pugi::xml_node rect : root.children("rect")) {
        counts.tooltips += rect.child("title") ? 1 : 0;
        const double x = rect.attribute("x").as_double();
        const double y = rect.attribute("y").as_double();
        const bool inside = x >= 0 && y >= 0 && rect.attribute("width").as_double() >= 0 &&
                            x + rect.attribute("width").as_double() <= width + 0.2 &&
                            y + rect.attribute("height").as_double() <= height + 0.2;
        counts.outside += inside ? 0 : 1;
    }
    return counts;
}

TEST(PlanSvg, DrawsTheReferenceCase) {
    expect_golden("plan_mixtral_alternate.svg", plan_svg(mixtral_alternate_plan()));
}

TEST(PlanSvg, DrawsADenseModel) { expect_golden("plan_dense.svg", plan_svg(dense_plan())); }

TEST(PlanSvg, HasATooltipForEveryExpertOfASmallModel) {
    const std::string svg = plan_svg(mixtral_alternate_plan());
    EXPECT_THAT(svg, HasSubstr("<title>layer 1, expert 3: cuda:1</title>"));
    EXPECT_THAT(svg, HasSubstr("<title>layer 14, expert 1: cuda:0</title>"));
    EXPECT_GE(look_through(svg).tooltips, 256U + 32U);
}

TEST(PlanSvg, MergesRunsOfExpertsWhereThereAreMany) {
    const std::string svg = plan_svg(wide_plan(8));
    EXPECT_THAT(svg, HasSubstr("<title>layer 3, experts 0-189: cuda:0</title>"));
    EXPECT_THAT(svg, HasSubstr("<title>layer 3, experts 190-255: cuda:1</title>"));
    EXPECT_THAT(svg, HasSubstr("<title>layer 2: no routed experts</title>"));
    EXPECT_LT(look_through(svg).tooltips, 300U);
}

TEST(PlanSvg, KeepsEverythingOnThePageAtAnySize) {
    for (const std::uint32_t n_devices : {1U, 2U, 16U}) {
        EXPECT_EQ(look_through(plan_svg(wide_plan(n_devices))).outside, 0U);
        for (const std::uint32_t n_experts : {1U, 2U, 8U, 31U, 32U, 33U, 64U, 256U}) {
            EXPECT_EQ(look_through(plan_svg(dealt_plan(n_devices, n_experts))).outside, 0U)
                << n_devices << " devices, " << n_experts << " experts";
        }
    }
}

TEST(PlanSvg, EscapesWhatModelsAreCalled) {
    Plan plan = dense_plan();
    plan.model_name = "<script>alert(\"x\")</script> & \x01";
    const std::string svg = plan_svg(plan);
    EXPECT_THAT(svg, HasSubstr("&lt;script&gt;"));
    EXPECT_THAT(svg, HasSubstr("&amp; ?"));
    EXPECT_EQ(svg.find("<script"), std::string::npos);
}

TEST(SvgInk, IsDarkOnLightAndLightOnDark) {
    EXPECT_EQ(ink_on("#ffffff"), "#1f2933");
    EXPECT_EQ(ink_on("#2f3e56"), "#ffffff");
}

}  // namespace
}  // namespace hexcore::test
