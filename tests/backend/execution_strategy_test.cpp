#include "hexcore/backend/execution/execution_strategy.hpp"

#include <gmock/gmock.h>

#include "hexcore/backend/machine.hpp"
#include "support/device_pairs.hpp"

namespace hexcore::test {
namespace {

TEST(ExecutionStrategy, RefusesAnExpertThatIsComputedElsewhereThanItIsStored) {
    DevicePair pair(DeviceKind::host, DeviceKind::host);
    const auto specs = pair.specs(8_MiB);
    ASSERT_TRUE(specs.has_value()) << specs.error().message;
    const auto machine = Machine::create(*specs);
    ASSERT_TRUE(machine.has_value()) << machine.error().message;
    Placement placement;
    placement.layer_device = {DeviceId(0)};
    placement.expert_device = {{DeviceId(0), DeviceId(1)}};
    EXPECT_TRUE(check_computable(**machine, placement).has_value());
    placement.expert_compute_device = {{DeviceId(0), DeviceId(1)}};
    EXPECT_TRUE(check_computable(**machine, placement).has_value());

    placement.expert_compute_device = {{DeviceId(0), DeviceId(0)}};
    const auto placed = (*machine)->place_experts(placement);
    ASSERT_FALSE(placed.has_value());
    EXPECT_EQ(placed.error().code, ErrorCode::bad_input);
    EXPECT_THAT(placed.error().message,
                testing::StartsWith("the plan stores expert 1 of layer 0 on host1 and computes it "
                                    "on host0"));
}

}  // namespace
}  // namespace hexcore::test
