#include "hexcore/report/plan_table.hpp"

#include <gmock/gmock.h>

#include <clocale>
#include <sstream>

#include "hexcore/report/memory_bar.hpp"
#include "support/golden.hpp"
#include "support/plans.hpp"

namespace hexcore::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(line);
    }
    return lines;
}

TEST(PlanTable, ShowsTheReferenceCase) {
    expect_golden("plan_table_mixtral_alternate.txt", plan_table(mixtral_alternate_plan(), {}));
}

TEST(PlanTable, ShowsTheReferenceCaseInAscii) {
    const std::string table = plan_table(mixtral_alternate_plan(), {.charset = Charset::ascii});
    for (const char c : table) {
        EXPECT_LT(static_cast<unsigned char>(c), 0x80U);
    }
    expect_golden("plan_table_mixtral_alternate_ascii.txt", table);
}

TEST(PlanTable, ShowsTwoSmallHostDevices) {
    expect_golden("plan_table_small_host.txt", plan_table(small_host_plan(), {}));
}

TEST(PlanTable, ShowsADenseModel) {
    expect_golden("plan_table_dense.txt", plan_table(dense_plan(), {}));
}

TEST(PlanTable, PutsSeveralExpertsInOneCharacterWhereThereAreMany) {
    expect_golden("plan_table_wide_8.txt", plan_table(wide_plan(8), {}));
}

TEST(PlanTable, ShowsSixteenDevices) {
    expect_golden("plan_table_dealt_16.txt", plan_table(dealt_plan(16, 64), {}));
}

TEST(PlanTable, KeepsToTheColumnsOfTheTerminal) {
    for (const std::uint32_t n_devices : {1U, 2U, 5U, 16U}) {
        std::vector<Plan> plans = {mixtral_alternate_plan(), dense_plan(), wide_plan(n_devices)};
        for (const std::uint32_t n_experts : {1U, 2U, 8U, 33U, 64U, 65U, 128U, 256U}) {
            plans.push_back(dealt_plan(n_devices, n_experts));
        }
        for (const Plan& plan : plans) {
            for (const std::size_t columns : {60U, 80U, 99U, 200U}) {
                for (const std::string& line : lines_of(plan_table(plan, {.columns = columns}))) {
                    EXPECT_LE(text_columns(line), columns) << line;
                }
            }
        }
    }
}

TEST(PlanTable, UsesColoursOnlyWhenAskedTo) {
    EXPECT_THAT(plan_table(small_host_plan(), {}), Not(HasSubstr("\x1b")));
    EXPECT_THAT(plan_table(small_host_plan(), {.color = Color::ansi}), HasSubstr("\x1b[38;5;33m0"));
}

TEST(PlanTable, DoesNotDependOnTheLocale) {
    const std::string before = plan_table(mixtral_alternate_plan(), {});
    ASSERT_NE(std::setlocale(LC_ALL, "C.UTF-8"), nullptr);
    const std::string in_utf8 = plan_table(mixtral_alternate_plan(), {});
    ASSERT_NE(std::setlocale(LC_ALL, "C"), nullptr);
    EXPECT_EQ(before, in_utf8);
    EXPECT_EQ(before, plan_table(mixtral_alternate_plan(), {}));
}

TEST(PlanTable, LetsNoModelNameReachTheTerminalRaw) {
    Plan plan = small_host_plan();
    plan.model_name = "evil\x1b[2J\nname";
    plan.explanation = {"because\x07 of it"};
    const std::string table = plan_table(plan, {});
    EXPECT_THAT(table, HasSubstr("evil?[2J?name"));
    EXPECT_THAT(table, HasSubstr("because? of it"));
}

TEST(PlanTable, HasAColumnOfRecurrentStateOnlyWhereThereIsSome) {
    Plan plan = small_host_plan();
    EXPECT_THAT(plan_table(plan, {}), Not(HasSubstr("RECURRENT")));
    plan.devices[1].planned.recurrent = 3_MiB;
    EXPECT_THAT(plan_table(plan, {}), HasSubstr("KV CACHE  RECURRENT"));
    EXPECT_THAT(plan_table(plan, {}), HasSubstr("3.0 MiB"));
    EXPECT_THAT(plan_table(plan, {}), HasSubstr("KV cache and recurrent state"));
}

TEST(MemoryBar, ShowsShareByPurposeThenFreeThenReserve) {
    Usage usage;
    usage.experts = 50_MiB;
    usage.weights = 20_MiB;
    usage.kv = 10_MiB;
    EXPECT_EQ(memory_bar(usage, 10_MiB, 100_MiB, 10, Charset::ascii), "#####==+./");
}

TEST(MemoryBar, IsAlwaysAsWideAsAsked) {
    Usage usage;
    usage.weights = 300_MiB;
    EXPECT_EQ(memory_bar(usage, 10_MiB, 100_MiB, 10, Charset::ascii), "==========");
    EXPECT_EQ(memory_bar({}, {}, {}, 10, Charset::ascii), "//////////");
    EXPECT_EQ(memory_bar({}, {}, 1_B, 4, Charset::ascii), "....");
}

TEST(MemoryBar, WhatIsThereAtAllHasACharacter) {
    Usage usage;
    usage.kv = 1_MiB;
    usage.compute = 2_MiB;
    EXPECT_EQ(memory_bar(usage, 10_MiB, 100_MiB, 10, Charset::ascii), "~......../");
}

}  // namespace
}  // namespace hexcore::test
