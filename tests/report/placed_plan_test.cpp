// Reports over what the planner really decides, where the other tests write plans by hand.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "hexcore/plan/placement.hpp"
#include "hexcore/report/json_text.hpp"
#include "hexcore/report/plan_json.hpp"
#include "hexcore/report/plan_llama_cpp.hpp"
#include "hexcore/report/plan_svg.hpp"
#include "hexcore/report/plan_table.hpp"
#include "support/model_text.hpp"
#include "support/plans.hpp"

namespace hexcore::test {
namespace {

constexpr std::string_view mixtral =
    "32x(attn 23MiB kv 16MiB expert*8 95MiB); output 70MiB; input 70MiB; used 2";
constexpr std::string_view with_dense_layers =
    "1x(attn 9MiB kv 1MiB); 7x(attn 3MiB kv 1MiB expert*16 2MiB); output 5MiB; input 5MiB; used 4";

std::vector<DeviceFacts> devices_of(std::size_t count, Bytes budget) {
    std::vector<DeviceFacts> devices(count);
    for (std::size_t d = 0; d < count; ++d) {
        devices[d].name = "cuda:" + std::to_string(d);
        devices[d].kind = DeviceKind::cuda;
        devices[d].budget = budget;
        devices[d].bandwidth_bytes_per_s = 300e9;
        devices[d].hop_latency_s = 10e-6;
    }
    return devices;
}

/// The plan of what place() answers, added up by build_plan.
Plan plan_of(const ModelFacts& model, const std::vector<DeviceFacts>& devices, Policy policy,
             const Placement& placement) {
    PlanSpec spec;
    spec.model = "placed";
    spec.n_layers = static_cast<std::uint32_t>(model.layers.size());
    spec.n_experts = model.n_experts;
    spec.n_used = model.n_experts_used;
    spec.policy = policy;
    for (const LayerFacts& layer : model.layers) {
        spec.n_dense_layers += layer.n_experts == 0 ? 1 : 0;
    }
    for (const DeviceFacts& device : devices) {
        spec.devices.push_back(device_of(device.name, device.budget, device.reserve));
    }
    spec.layer_device = [&](std::uint32_t layer) { return placement.layer_device[layer]; };
    spec.expert_device = [&](std::uint32_t layer, std::uint32_t expert) {
        return placement.expert_device[layer][expert];
    };
    return build_plan(spec);
}

TEST(PlacedPlan, OfTheReferenceCaseIsTheOneWrittenByHand) {
    ModelFacts model = model_from_text(mixtral);
    for (LayerFacts& layer : model.layers) {
        layer.kv_trained = 128_MiB;  // 32768 tokens; the rule splits the layers for these
    }
    const auto placement = place(model, devices_of(2, 16_GiB), Policy::alternate);
    ASSERT_TRUE(placement.has_value());
    EXPECT_EQ(*placement, mixtral_alternate_plan().placement);
}

TEST(PlacedPlan, IsReportedWholeUnderEveryPolicy) {
    for (const std::string_view text : {mixtral, with_dense_layers}) {
        const ModelFacts model = model_from_text(text);
        for (const std::size_t n_devices : {1U, 2U, 5U}) {
            const auto devices = devices_of(n_devices, 32_GiB);
            for (const Policy policy :
                 {Policy::balanced, Policy::fastest, Policy::alternate, Policy::layers}) {
                SCOPED_TRACE(std::string(to_string(policy)) + " of " + std::string(text));
                const auto placement = place(model, devices, policy);
                ASSERT_TRUE(placement.has_value());
                const Plan plan = plan_of(model, devices, policy, *placement);
                const Result<Plan> again = plan_from_json(json_text(plan_json(plan)));
                ASSERT_TRUE(again.has_value()) << again.error().message;
                EXPECT_EQ(again->placement, *placement);
                EXPECT_THAT(plan_table(plan, {}), ::testing::HasSubstr("Planned experts"));
                EXPECT_THAT(plan_svg(plan), ::testing::HasSubstr("</svg>"));
                EXPECT_THAT(plan_llama_cpp(plan, {.model_path = "m"}),
                            ::testing::HasSubstr("-dev CUDA0"));
            }
        }
    }
}

TEST(PlacedPlan, ByWholeLayersIsWhatLlamaCppCanDo) {
    const ModelFacts model = model_from_text(mixtral);
    const auto devices = devices_of(3, 16_GiB);
    const auto placement = place(model, devices, Policy::layers);
    ASSERT_TRUE(placement.has_value());
    EXPECT_THAT(
        plan_llama_cpp(plan_of(model, devices, Policy::layers, *placement), {.model_path = "m"}),
        ::testing::HasSubstr("# Every expert is where it was planned.\n"));
}

}  // namespace
}  // namespace hexcore::test
