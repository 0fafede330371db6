#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "ggml-cpp.h"
#include "hexcore/plugin/report.hpp"
#include "support/plans.hpp"

namespace hexcore::test {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::HasSubstr;

/// Two devices of 8 MiB, of which the last one's 1 MiB stays free, and their report.
class WatchedDevices : public ::testing::Test {
protected:
    void start(std::optional<Plan> plan = {}) {
        PluginSettings settings;
        settings.plan = std::move(plan);
        settings.devices.resize(2);
        for (std::size_t i = 0; i < 2; ++i) {
            settings.devices[i].name = fmt::format("host{}", i);
            settings.devices[i].budget = 8_MiB;
        }
        settings.devices[1].reserve = 1_MiB;
        machine_ = std::move(Machine::create(settings.devices)).value();
        report_.emplace(*machine_, settings);
    }
    ggml_backend_buffer_ptr take(std::size_t device, Bytes size) {
        return ggml_backend_buffer_ptr(ggml_backend_buft_alloc_buffer(
            machine_->device(DeviceId(device)).buffer_type(), size.count()));
    }
    Json device(std::size_t index) { return report_->json()["devices"][index]; }

    std::unique_ptr<Machine> machine_;
    std::optional<PluginReport> report_;
};

TEST_F(WatchedDevices, AreReportedAsTheyWereWhenTheyHeldTheMost) {
    start();
    {
        const auto weights = take(0, 3_MiB);
        ggml_backend_buffer_set_usage(weights.get(), GGML_BACKEND_BUFFER_USAGE_WEIGHTS);
        const auto cache = take(0, 1_MiB + 1_B);
    }
    const auto later = take(0, 2_MiB);
    const Json report = device(0);
    EXPECT_EQ(report["name"], "host0");
    EXPECT_EQ(report["accounted"]["weights_bytes"], (3_MiB).count());
    EXPECT_EQ(report["accounted"]["kv_bytes"], (1_MiB + 1_B).count());
    EXPECT_EQ(report["peak_bytes"], (4_MiB + 1_B).count());
    EXPECT_EQ(report["measured_bytes"], (4_MiB + 4_KiB).count());
    EXPECT_EQ(report["left_bytes"], (2_MiB).count());
}

TEST_F(WatchedDevices, ThatAreStillFullAreReportedToo) {
    start();
    const auto buffer = take(1, 5_MiB);
    EXPECT_EQ(device(1)["accounted"]["kv_bytes"], (5_MiB).count());
    EXPECT_EQ(device(0)["accounted"]["total_bytes"], 0);
    EXPECT_EQ(device(0)["planned"], nullptr);
}

TEST_F(WatchedDevices, RefuseOverTheirBudgetLessTheReserveAndSayWhere) {
    start();
    ::testing::internal::CaptureStderr();
    EXPECT_EQ(take(1, 7_MiB + 1_B), nullptr);
    const std::string said = ::testing::internal::GetCapturedStderr();
    EXPECT_THAT(said, HasSubstr("hexcore: host1 was asked for 7.0 MiB"));
    EXPECT_EQ(device(1)["refused"], 1);
    EXPECT_EQ(device(1)["budget_bytes"], (8_MiB).count());
}

TEST_F(WatchedDevices, StandBesideTheirPlan) {
    PlanSpec spec;
    spec.devices = {device_of("host0", 8_MiB, 0_B), device_of("host1", 8_MiB, 1_MiB)};
    spec.layer_device = [](std::uint32_t layer) { return DeviceId(layer); };
    spec.expert_device = [](std::uint32_t, std::uint32_t expert) { return DeviceId(expert); };
    const Plan plan = build_plan(spec);
    start(plan);
    EXPECT_EQ(report_->json()["plan"], "tiny");
    EXPECT_EQ(device(1)["planned"]["total_bytes"], plan.devices[1].planned.total().count());
}

}  // namespace
}  // namespace hexcore::test
