#include "hexcore/plugin/in_variables.hpp"

#include <gtest/gtest.h>

#include "support/plans.hpp"

namespace hexcore::test {
namespace {

/// As a budget says it.
Error refusal() {
    return {.code = ErrorCode::does_not_fit,
            .message = "host0 has too little",
            .remedies = {{Change::raise_budget, "host0"},
                         {Change::lower_context},
                         {Change::add_device}},
            .refused = RefusedMemory{"host0", 2, 1}};
}

/// The first layer on host0, the second on host1, and one of the experts of each on either.
Plan plan_of_two() {
    PlanSpec spec;
    spec.devices = {device_of("host0", 64_MiB, 4_MiB), device_of("host1", 64_MiB, 4_MiB)};
    spec.layer_device = [](std::uint32_t layer) { return DeviceId(layer); };
    spec.expert_device = [](std::uint32_t, std::uint32_t expert) { return DeviceId(expert); };
    return build_plan(spec);
}

std::string told_with_plan(const Error& error, const Usage& held) {
    return told_refusal(error, plan_of_two(), DeviceId(0), held);
}

TEST(InVariables, WithoutAPlanItIsTheProgramsOptionsAndTheDevicesThatCanChange) {
    EXPECT_EQ(told_refusal(refusal(), {}, DeviceId(0), {}),
              "host0 has too little; give host0 more in HEXCORE_DEVICES, lower the program's -c or "
              "have fewer layers there by -ts");
}

TEST(InVariables, WeightsThatWerePlannedElsewhereArePutThereByTheSplit) {
    const std::string sentence =
        "; the plan is for -dev host0,host1 -ts 1,2 and no -ngl: start the program so, or plan "
        "again";
    EXPECT_EQ(told_with_plan(refusal(), {}), "host0 has too little" + sentence);
    EXPECT_EQ(told_with_plan({.code = ErrorCode::bad_input,
                              .message = "the layers are elsewhere",
                              .remedies = {{Change::start_as_planned}}},
                             {}),
              "the layers are elsewhere" + sentence);
}

TEST(InVariables, WhatComesAfterThePlannedWeightsIsOfTheContext) {
    Usage held = plan_of_two().devices[0].planned;
    held.compute = 0_B;
    EXPECT_EQ(told_with_plan(refusal(), held),
              "host0 has too little; the plan is for -c 4096 -np 1 -ctk f16 -ctv f16 -ub 512: "
              "start the program so, or plan again");
    held.kv = 0_B;
    EXPECT_EQ(told_with_plan(refusal(), held),
              "host0 has too little; the plan is for -c 4096 -np 1 -ctk f16 -ctv f16: start the "
              "program so, or plan again");
}

TEST(InVariables, WhatIsLoadedBesideACompletePlanNeedsAnotherPlan) {
    EXPECT_EQ(told_with_plan(refusal(), plan_of_two().devices[0].planned),
              "host0 has too little; the plan has no room for more than its model and context: "
              "plan again with a larger budget for host0");
}

TEST(InVariables, WhatHasNothingToDoWithThePlanIsToldAsItIs) {
    EXPECT_EQ(told_with_plan({.code = ErrorCode::bad_input,
                              .message = "the plan is for another model",
                              .remedies = {{Change::plan_again}}},
                             {}),
              "the plan is for another model; plan again for this file");
}

}  // namespace
}  // namespace hexcore::test
