#include "hexcore/report/reset_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "hexcore/report/json_text.hpp"
#include "hexcore/report/leftovers.hpp"
#include "support/golden.hpp"

namespace hexcore {
namespace {

using std::chrono::microseconds;
using ::testing::ElementsAre;

/// A GPU that others have taken meanwhile, and a capped host device that came back.
ResetReport half_clean() {
    ResetReport report;
    report.devices = {{.name = "host0",
                       .peak = 288_MiB,
                       .before = {0_B, 0_B},
                       .after = {0_B, 0_B},
                       .waited = microseconds(120)},
                      {.name = "cuda:0",
                       .peak = 12_GiB,
                       .before = {0_B, 3_GiB},
                       .after = {0_B, 2_GiB},
                       .measured_by = MeasuredBy::free_memory,
                       .tolerance = 184_MiB,
                       .kept = 524_MiB,
                       .waited = microseconds(5'000'000),
                       .holders = {{4711, "python3 train.py", 2_GiB}, {4712, "", std::nullopt}}},
                      {.name = "rpc:card:50052",
                       .peak = 1_GiB,
                       .before = {0_B, {}},
                       .after = {0_B, {}},
                       .waited = microseconds(121)}};
    report.host = {.name = "this process",
                   .peak = 32_MiB,
                   .before = {0_B, 24_MiB},
                   .after = {0_B, 4_MiB},
                   .baseline = 3_MiB,
                   .tolerance = 8_MiB,
                   .waited = microseconds(2'500)};
    report.waited = microseconds(5'000'000);
    return report;
}

TEST(ResetReport, SaysWhatHasNotComeBackAndWhoHoldsIt) {
    EXPECT_FALSE(half_clean().clean());
    EXPECT_THAT(half_clean().why(),
                ElementsAre("cuda:0 has 2.00 GiB more in use than the 0 B before the load, where "
                            "184 MiB may be, after 5000 ms; held: 2.00 GiB by python3 train.py "
                            "(pid 4711); a process (pid 4712)"));
    test::expect_golden("reset_half_clean.json", json_text(reset_json(half_clean())));
    test::expect_golden("reset_half_clean.txt", reset_table(half_clean()));
}

TEST(ResetReport, IsCleanWhereAllIsWithinItsBand) {
    ResetReport report = half_clean();
    report.devices[1].after.measured = 184_MiB;
    EXPECT_TRUE(report.clean());
    EXPECT_TRUE(report.why().empty());
    EXPECT_TRUE(reset_json(report)["clean"].get<bool>());
    EXPECT_NE(reset_table(report).find("clean: all memory came back within 5000 ms"),
              std::string::npos);
    report.devices[1].after.measured = 184_MiB + 1_B;
    EXPECT_FALSE(report.clean());
}

TEST(ResetReport, SaysWhatTheBooksStillHave) {
    ResetReport report = half_clean();
    report.devices[1].after.measured = 0_B;
    report.host.after.accounted = 5_MiB;
    EXPECT_THAT(report.why(), ElementsAre("5.0 MiB of this process are still accounted"));
}

TEST(ResetReport, SaysWhereAnotherKeepsTheBooks) {
    ResetReport report = half_clean();
    report.host = {.name = "main memory", .before = {{}, 2_GiB}, .after = {{}, 0_B}};
    const auto host = reset_json(report)["host"];
    EXPECT_TRUE(host["peak_bytes"].is_null());
    EXPECT_TRUE(host["after"]["accounted_bytes"].is_null());
    EXPECT_TRUE(host["clean"].get<bool>());
    EXPECT_NE(reset_table(report).find("not known"), std::string::npos);
}

TEST(ResetReport, IsNotCleanWhereSomethingIsLeft) {
    ResetReport report = half_clean();
    report.devices.clear();
    Leftover left{.path = "/var/state/hexcore/parked/run-a1b2c3", .ended = true};
    EXPECT_TRUE(reset_json(report, {left})["clean"].get<bool>());
    EXPECT_EQ(reset_json(report, {left})["leftovers"].size(), 1U);
    left.ended = false;
    left.problem = "cannot remove it";
    EXPECT_FALSE(reset_json(report, {left})["clean"].get<bool>());
    EXPECT_EQ(reset_json(report, {left})["why"][0], "cannot remove it");
}

TEST(LeftoversReport, SaysWhatIsLeftWhereAndHowLarge) {
    std::vector<Leftover> leftovers = {
        {.path = "/var/state/hexcore/parked/run-a1b2c3", .bytes = 12_MiB},
        {.kind = LeftoverKind::examination, .path = "m.gguf", .pid = 77, .bytes = 31_MiB}};
    EXPECT_FALSE(all_ended(leftovers));
    test::expect_golden("leftovers.json", json_text(leftovers_json(leftovers)));
    test::expect_golden("leftovers.txt", leftovers_table(leftovers));
    leftovers[0].ended = true;
    leftovers[1].problem = "process 77 was killed and has not ended: it hangs in the kernel";
    test::expect_golden("leftovers_ended.txt", leftovers_table(leftovers));
    leftovers[1].ended = true;
    EXPECT_TRUE(all_ended(leftovers));
    EXPECT_EQ(leftovers_table({}), "nothing is left of runs that died\n");
    EXPECT_TRUE(leftovers_json({})["clean"].get<bool>());
}

}  // namespace
}  // namespace hexcore
