#include "hexcore/plan/execution_model.hpp"

#include <gtest/gtest.h>

#include "hexcore/plan/placement.hpp"
#include "support/model_text.hpp"

namespace hexcore::test {
namespace {

DeviceFacts device(DeviceKind kind, double hop) {
    DeviceFacts facts;
    facts.kind = kind;
    facts.budget = 100_GiB;
    facts.bandwidth_bytes_per_s = 1e9;
    facts.hop_latency_s = hop;
    return facts;
}

TEST(ExecutionModel, IsTheFirstThatSuitsEachDevice) {
    const DeviceFacts host = device(DeviceKind::host, 0);
    EXPECT_EQ(execution_for(std::vector{host, host}).way, Execution::fused);
    for (const DeviceKind other : {DeviceKind::cuda, DeviceKind::rpc}) {
        EXPECT_EQ(execution_for(std::vector{host, device(other, 0)}).way, Execution::staged);
    }
}

TEST(ExecutionModel, ALayerWithExpertsAwayPaysItsHopsOfTheSlowerLink) {
    const ModelFacts model = model_from_text("1x(attn 1GiB expert*2 1MiB)");
    const std::vector devices{device(DeviceKind::host, 1.0), device(DeviceKind::rpc, 3.0)};
    Placement placement;
    placement.layer_device = {DeviceId(0)};
    placement.expert_device = {{DeviceId(0), DeviceId(0)}};
    const double at_home = modelled_token_seconds(model, devices, placement);
    placement.expert_device = {{DeviceId(1), DeviceId(1)}};
    const double away = modelled_token_seconds(model, devices, placement);
    EXPECT_DOUBLE_EQ(away - at_home, execution_for(devices).hops_per_layer * 3.0);

    // Stored there and computed at home, nothing has to go there and back.
    placement.expert_compute_device = {{DeviceId(0), DeviceId(0)}};
    EXPECT_DOUBLE_EQ(modelled_token_seconds(model, devices, placement), at_home);
}

}  // namespace
}  // namespace hexcore::test
