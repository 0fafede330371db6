#include "hexcore/api/planned_adapters.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "hexcore/api/planned_model.hpp"
#include "hexcore/api/reset.hpp"
#include "hexcore/session/adapter_contexts.hpp"
#include "runtime/loaded_model.hpp"
#include "support/tiny_adapter.hpp"

namespace hexcore::test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class PlannedAdaptersTest : public LoadedModelTest {
protected:
    PlannedAdaptersTest() { write({.n_layers = 2}); }

    std::vector<AdapterWish> adapter(std::uint32_t seed, std::int64_t rank,
                                     std::string_view part = "") {
        const auto path = folder_.path() / fmt::format("adapter{}.gguf", seed);
        write_tiny_adapter(
            path, inventory_,
            [&](std::string_view name) { return name.find(part) != std::string_view::npos; }, rank,
            seed);
        return {{path}};
    }
    PlanningOptions options(std::vector<std::vector<AdapterWish>> sets,
                            const std::string& device = "host=64MiB") const {
        return {.model = path_,
                .devices = {device},
                .reserve = 0_B,
                .context = TokenCount(256),
                .ubatch = TokenCount(64),
                .computing = {.threads = 1},
                .more_adapters = std::move(sets)};
    }
    static PlannedModel planned(const PlanningOptions& options) {
        auto model = PlannedModel::make(options);
        EXPECT_TRUE(model.has_value()) << model.error().message;
        return *std::move(model);
    }
    static Usage accounted(const PlannedModel& model) {
        return model.machine().device(DeviceId(0)).memory().accounted();
    }
};

TEST_F(PlannedAdaptersTest, WhatCannotBeHadIsLeftOutAndSaysWhy) {
    auto damaged = adapter(2, 4);
    std::filesystem::resize_file(damaged[0].path, 4096);
    auto not_numbers = adapter(3, 4);
    {
        std::fstream file(not_numbers[0].path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(-64, std::ios::end);
        const float broken = std::nanf("");
        file.write(reinterpret_cast<const char*>(&broken), sizeof(broken));
    }
    PlanningOptions asked = options({adapter(1, 4),
                                     {{folder_.path() / "none.gguf"}},
                                     damaged,
                                     not_numbers,
                                     {{path_}},
                                     adapter(4, 4)});
    EXPECT_FALSE(PlannedModel::make(asked));
    asked.if_adapter_fails = IfAdapterFails::leave_out;
    const PlannedModel model = planned(asked);
    const auto problem = [&](std::size_t i) {
        return model.set(i) ? std::nullopt : adapter_problem(model.set(i).error());
    };
    EXPECT_TRUE(model.set(0) && model.set(5));
    EXPECT_EQ(problem(1), AdapterProblem::missing);
    EXPECT_EQ(problem(2), AdapterProblem::damaged);
    EXPECT_EQ(problem(3), AdapterProblem::damaged);
    EXPECT_THAT(model.set(3).error().message, HasSubstr("NaN"));
    EXPECT_EQ(problem(4), AdapterProblem::foreign);
    EXPECT_EQ(model.computing().more_adapters.size(), 2U);
    auto loaded = model.load();
    ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
    AdapterContexts contexts(*loaded);
    EXPECT_TRUE(contexts.engine_for({}));
    EXPECT_TRUE(contexts.engine_for(*model.set(0)));
    EXPECT_TRUE(contexts.engine_for(*model.set(5)));
    EXPECT_EQ(contexts.switches(), 0U);
}

TEST_F(PlannedAdaptersTest, WhatIsTooBigIsLeftOutWhereTheOthersFit) {
    const Bytes alone = planned(options({})).plan().devices[0].planned.total();
    const std::string device = fmt::format("host={}", alone.count() * 4);
    PlanningOptions asked =
        options({adapter(1, 4), adapter(2, 8192, "attn_q"), adapter(3, 4)}, device);
    const auto refused = PlannedModel::make(asked);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::does_not_fit);
    asked.if_adapter_fails = IfAdapterFails::leave_out;
    const PlannedModel model = planned(asked);
    EXPECT_TRUE(model.set(0) && model.set(2));
    ASSERT_FALSE(model.set(1));
    EXPECT_EQ(adapter_problem(model.set(1).error()), AdapterProblem::too_big);
    EXPECT_THAT(model.set(1).error().message, HasSubstr("adapter2"));
    auto loaded = model.load();
    ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
    AdapterContexts contexts(*loaded);
    for (const std::size_t i : {0U, 2U, 0U}) {
        EXPECT_TRUE(contexts.engine_for(*model.set(i))) << i;
        EXPECT_LE(accounted(model).total(), model.plan().devices[0].planned.total());
    }
    asked.devices = {fmt::format("host={}", alone.count() / 2)};
    EXPECT_FALSE(PlannedModel::make(asked)) << "the model itself does not fit";
}

TEST_F(PlannedAdaptersTest, TheLargestHaveContextsAndTheOthersTurnsWithinThePlan) {
    PlanningOptions asked =
        options({adapter(1, 4), adapter(2, 8), adapter(3, 2), adapter(4, 6), adapter(2, 8)});
    asked.resident.sets = 2;
    const PlannedModel model = planned(asked);
    ASSERT_EQ(model.computing().more_adapters.size(), 2U);
    EXPECT_EQ(model.computing().more_adapters[0].front().key(), model.set(1)->front().key());
    EXPECT_EQ(model.computing().more_adapters[1].front().key(), model.set(3)->front().key());
    EXPECT_THAT(model.plan().explanation, Contains(HasSubstr("2 of 4 sets of adapters")));
    auto loaded = model.load();
    ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
    EXPECT_EQ(accounted(model), model.plan().devices[0].planned);
    AdapterContexts contexts(*loaded, {}, {.resident = asked.resident});
    for (std::size_t i = 0; i < 10; ++i) {
        const auto engine = contexts.engine_for(*model.set(i % 5));
        ASSERT_TRUE(engine) << engine.error().message;
        EXPECT_LE(accounted(model).total(), model.plan().devices[0].planned.total()) << i;
        EXPECT_LE(contexts.n_resident(), 2U);
    }
    asked.resident = {.bytes = model.set(1)->front().file.bytes()};
    EXPECT_EQ(planned(asked).computing().more_adapters.size(), 1U);
    asked.resident = {.bytes = model.set(0)->front().file.bytes()};
    const auto refused = PlannedModel::make(asked);
    ASSERT_FALSE(refused);
    EXPECT_EQ(adapter_problem(refused.error()), AdapterProblem::too_big);
}

TEST_F(PlannedAdaptersTest, AMergeHasAContextWithRoomForTheLargest) {
    PlanningOptions asked = options({adapter(1, 4), adapter(2, 8), adapter(3, 6)});
    asked.merging = 2;
    const PlannedModel model = planned(asked);
    ASSERT_EQ(model.computing().more_adapters.size(), 4U);
    const AdapterFile& merged = model.computing().more_adapters.back().front().file;
    EXPECT_EQ(merged.rank(), 14U);
    EXPECT_EQ(model.plan().adapters.back().file, "");
    EXPECT_EQ(model.plan().adapters.back().content, merged.content);
    auto loaded = model.load();
    ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
    EXPECT_EQ(accounted(model), model.plan().devices[0].planned);
    EXPECT_EQ(loaded->host_usage(), model.plan().host);
}

TEST_F(PlannedAdaptersTest, AMergeTakesOfTheBytesThatMayBeThereFirst) {
    PlanningOptions asked = options({adapter(1, 4), adapter(2, 8)});
    asked.merging = 2;
    const auto bytes = [&](std::size_t context) {
        return planned(asked).computing().more_adapters.at(context).front().file.bytes();
    };
    const Bytes merge = bytes(2);
    const Bytes small = bytes(0);
    const auto contexts = [&](Bytes most) {
        asked.resident.bytes = most;
        return planned(asked).computing().more_adapters;
    };
    EXPECT_EQ(contexts(merge + small).size(), 1U) << "the larger one has no room";
    EXPECT_EQ(contexts(merge).back().front().file.rank(), 12U);
    const auto none = contexts(merge - 1_B);
    ASSERT_EQ(none.size(), 1U);
    EXPECT_EQ(none.front().front().file.rank(), 8U);
}

TEST_F(PlannedAdaptersTest, WhereThereIsNothingToMergeThereIsNoContextForIt) {
    PlanningOptions asked = options({{{folder_.path() / "none.gguf"}}, adapter(1, 4)});
    asked.merging = 2;
    asked.if_adapter_fails = IfAdapterFails::leave_out;
    EXPECT_EQ(planned(asked).computing().more_adapters.size(), 1U);
    asked.more_adapters.pop_back();
    EXPECT_TRUE(planned(asked).computing().more_adapters.empty());
}

TEST_F(PlannedAdaptersTest, MoreSetsThanThereCanBeContextsTakeTurns) {
    std::vector<std::vector<AdapterWish>> sets;
    const auto wishes = adapter(1, 2, "attn_q");
    for (int i = 1; i <= 20; ++i) {
        sets.push_back({{wishes[0].path, 0.125F * static_cast<float>(i)}});
    }
    PlanningOptions asked = options(sets, "host=256MiB");
    const auto refused = PlannedModel::make(asked);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::usage);
    asked.if_adapter_fails = IfAdapterFails::leave_out;
    const PlannedModel model = planned(asked);
    EXPECT_EQ(model.computing().more_adapters.size(), max_contexts - 1);
    EXPECT_THAT(model.plan().explanation, Contains(HasSubstr("15 of 20 sets of adapters")));
}

TEST_F(PlannedAdaptersTest, AResetLeavesNothingOfThemAndTheModelLoadsAgain) {
    PlanningOptions asked = options({adapter(1, 4), adapter(2, 8)});
    asked.merging = 2;
    const PlannedModel model = planned(asked);
    for (int i = 0; i < 2; ++i) {
        auto loaded = model.load();
        ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
        {
            AdapterContexts contexts(*loaded);
            EXPECT_TRUE(contexts.engine_for(*model.set(1)));
            EXPECT_FALSE(reset(model.machine(), {})) << "engines are there";
        }
        const auto report = reset(model.machine(), {});
        ASSERT_TRUE(report.has_value()) << report.error().message;
        EXPECT_GT(report->devices[0].before.accounted, 0_B);
        EXPECT_EQ(report->devices[0].after.accounted, 0_B);
        EXPECT_EQ(report->devices[0].after.measured, 0_B);
        EXPECT_EQ(model.machine().host().accounted().adapters, 0_B);
    }
}

}  // namespace
}  // namespace hexcore::test
