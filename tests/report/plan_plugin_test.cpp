#include "hexcore/report/plan_plugin.hpp"

#include <gmock/gmock.h>

#include "support/golden.hpp"
#include "support/plans.hpp"

namespace hexcore::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// Four layers on host0 and host2; host1 holds experts only.
Plan three_devices(std::string last = "host2") {
    PlanSpec spec;
    spec.n_layers = 4;
    spec.n_experts = 4;
    spec.devices = {device_of("host0", 200_MiB, 10_MiB), device_of("host1", 200_MiB, 10_MiB),
                    device_of(std::move(last), 200_MiB, 10_MiB)};
    spec.layer_device = [](std::uint32_t layer) { return DeviceId(layer < 1 ? 0 : 2); };
    spec.expert_device = [](std::uint32_t, std::uint32_t expert) { return DeviceId(expert % 3); };
    return build_plan(spec);
}

std::string commands_of(const Plan& plan) {
    return plan_plugin(plan,
                       {.model_path = "a model.gguf", .plugin_path = "lib/libggml-hexcore.so"});
}

TEST(PlanPlugin, PrintsACommandForEachProgram) {
    expect_golden("plan_plugin_three_hosts.sh", commands_of(three_devices()));
}

TEST(PlanPlugin, NamesTheContextInFull) {
    Plan plan = three_devices();
    plan.context = {.tokens = TokenCount(2048),
                    .sequences = 8,
                    .kv_type = KvType::q8_0,
                    .ubatch = TokenCount(64)};
    EXPECT_THAT(commands_of(plan),
                AllOf(HasSubstr("-c 2048"), HasSubstr("-np 8"), Not(HasSubstr("-np 1")),
                      HasSubstr("-ub 64"), HasSubstr("-ctv q8_0"), HasSubstr("-fa on")));
}

TEST(PlanPlugin, KeepsLlamaBenchFromTheGpusThatItSeesBesides) {
    EXPECT_THAT(commands_of(three_devices("cuda:0")),
                AllOf(HasSubstr("LLAMA_ARG_DEVICE=host0,cuda:0"),
                      HasSubstr("-dev host0/host1/cuda:0"), HasSubstr("-ts 1/0/4")));
}

}  // namespace
}  // namespace hexcore::test
