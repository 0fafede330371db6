#include <gmock/gmock.h>

#include "hexcore/report/json_text.hpp"
#include "hexcore/report/plan_accelerate.hpp"
#include "support/golden.hpp"
#include "support/plans.hpp"

namespace hexcore::test {
namespace {

using ::testing::HasSubstr;

TEST(Accelerate, MapsTheReferenceCaseExpertByExpert) {
    const Result<AccelerateMap> map = plan_accelerate(mixtral_alternate_plan());
    ASSERT_TRUE(map.has_value()) << map.error().message;
    expect_golden("plan_accelerate_mixtral_alternate.json", json_text(map->device_map));
}

TEST(Accelerate, NamesEveryModuleOfMixtralOnce) {
    const Result<AccelerateMap> map = plan_accelerate(mixtral_alternate_plan());
    ASSERT_TRUE(map.has_value());
    // Four modules and eight experts a layer, and four outside the layers.
    EXPECT_EQ(map->device_map.size(), 32U * (4 + 8) + 4);
    EXPECT_EQ(map->device_map["model.layers.1.block_sparse_moe.experts.3"], 1);
    EXPECT_EQ(map->device_map["model.layers.31.block_sparse_moe.gate"], 1);
    EXPECT_EQ(map->device_map["model.embed_tokens"], 0);
    EXPECT_EQ(map->device_map["lm_head"], 1);
}

TEST(Accelerate, CallsHostDevicesCpu) {
    const Result<AccelerateMap> map = plan_accelerate(small_host_plan());
    ASSERT_TRUE(map.has_value());
    EXPECT_EQ(map->device_map["model.layers.0.block_sparse_moe.experts.7"], "cpu");
}

TEST(Accelerate, SaysThatExpertsAwayFromTheirLayerNeedAHook) {
    const Result<AccelerateMap> map = plan_accelerate(small_host_plan());
    ASSERT_TRUE(map.has_value());
    ASSERT_EQ(map->notes.size(), 3U);
    EXPECT_THAT(map->notes[2], HasSubstr("1 experts are not on their layer's device"));
}

TEST(Accelerate, RefusesModelsThatAreNotMixtral) {
    for (const Plan& plan : {wide_plan(2), dense_plan()}) {
        const Result<AccelerateMap> map = plan_accelerate(plan);
        ASSERT_FALSE(map.has_value());
        EXPECT_EQ(map.error().code, ErrorCode::usage);
        EXPECT_THAT(map.error().message, HasSubstr(plan.model_name));
        EXPECT_THAT(map.error().message, HasSubstr("Mixtral models only"));
    }
}

TEST(Accelerate, RefusesDevicesThatItDoesNotHave) {
    Plan plan = small_host_plan();
    plan.devices[1].name = "rpc:10.0.0.2:50052";
    plan.devices[1].kind = DeviceKind::rpc;
    const Result<AccelerateMap> map = plan_accelerate(plan);
    ASSERT_FALSE(map.has_value());
    EXPECT_EQ(map.error().code, ErrorCode::usage);
    EXPECT_THAT(map.error().message, HasSubstr("rpc:10.0.0.2:50052"));
}

}  // namespace
}  // namespace hexcore::test
