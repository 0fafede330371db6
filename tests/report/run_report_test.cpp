#include "hexcore/report/run_report.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "hexcore/report/json_text.hpp"
#include "hexcore/report/run_json.hpp"
#include "hexcore/report/run_summary.hpp"
#include "hexcore/report/run_table.hpp"
#include "support/golden.hpp"
#include "support/plans.hpp"

namespace hexcore::test {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

RunReport small_run() {
    const Plan plan = small_host_plan();
    RunReport report;
    report.text = "The capital of France is Paris.";
    report.stop = StopReason::length;
    report.prompt_tokens = TokenCount(7);
    report.generated_tokens = TokenCount(24);
    report.timing = {412.5, 310.25, 61.5};
    for (const PlannedDevice& device : plan.devices) {
        RunDevice run;
        run.name = device.name;
        run.budget = device.budget;
        run.planned = run.accounted = device.planned;
        run.measured = device.planned.total();
        run.peak = device.planned.total();
        report.devices.push_back(run);
        report.after_unload.push_back({device.name, Bytes{}, Bytes{}});
    }
    report.devices[1].accounted.compute += 4096_B;
    report.devices[1].peak += 4096_B;
    report.devices[1].refused = 2;
    report.host = {plan.host, plan.host};
    report.cache.cells_total = 1024;
    report.cache.cells_used = 31;
    report.cache.cells_high_water = 31;
    report.cache.devices = {
        {"host0", 1024, 31, 31, Bytes(15'728'640), Bytes(476'160), Bytes(476'160), Bytes(476'160)},
        {"host1", 1024, 31, 31, Bytes(7'864'320), Bytes(238'080), Bytes(238'080), Bytes(238'080)}};
    report.cache.high_water = Bytes(714'240);
    report.cache.counts.tokens_computed = 31;
    report.cache.session_tokens = 31;
    report.cache.session_cells = 1024;
    report.cache.session_tokens_high_water = 31;
    report.cache.session_bytes = report.cache.session_high_water = Bytes(714'240);
    report.cache.sessions = 1;
    return report;
}

TEST(RunReport, ShowsTheExpertCacheWhereThereIsOne) {
    RunReport report = small_run();
    EXPECT_FALSE(run_json(report).contains("expert_cache"));
    EXPECT_THAT(run_table(report, {}), Not(HasSubstr("expert cache")));
    EXPECT_THAT(run_summary(report), Not(HasSubstr("expert cache")));

    report.devices[0].expert_cache = {
        .slots = 12, .lookups = 200, .hits = 150, .uploads = 40, .bytes = 80_MiB};
    report.devices[1].expert_cache = {
        .slots = 4, .lookups = 200, .hits = 30, .uploads = 10, .bytes = 20_MiB};
    const auto json = run_json(report);
    EXPECT_EQ(json["expert_cache"], (nlohmann::ordered_json{{"slots", 16},
                                                            {"lookups", 400},
                                                            {"hits", 180},
                                                            {"misses", 220},
                                                            {"hit_rate", 0.45},
                                                            {"uploads", 50},
                                                            {"uploaded_bytes", 100 << 20}}));
    EXPECT_EQ(json["devices"][1]["expert_cache"]["hits"], 30);
    EXPECT_THAT(run_table(report, {}),
                HasSubstr("expert cache on host0: 12 slots, 150 of 200 experts found there"));
    EXPECT_THAT(run_summary(report), HasSubstr("; 45 % of experts in the expert cache"));
}

TEST(RunJson, IsTheDocumentedDocument) {
    expect_golden("run_small_host.json", json_text(run_json(small_run())));
}

TEST(RunJson, SaysNullWhereNothingCouldBeMeasured) {
    RunReport report = small_run();
    report.devices[0].measured.reset();
    report.after_unload[1].measured.reset();
    const nlohmann::ordered_json document = run_json(report);
    EXPECT_TRUE(document["devices"][0]["measured_bytes"].is_null());
    EXPECT_TRUE(document["after_unload"][1]["measured_bytes"].is_null());
    EXPECT_THAT(run_table(report, {}), HasSubstr("not known"));
}

TEST(RunJson, SurvivesTextThatStopsInsideACharacter) {
    RunReport report = small_run();
    report.text = "caf\xc3";
    const std::string text = json_text(run_json(report));
    const auto document = nlohmann::json::parse(text);
    EXPECT_EQ(document["text"], "caf\xef\xbf\xbd");
}

TEST(RunJson, NamesEveryReasonToStop) {
    EXPECT_STREQ(to_string(StopReason::eos), "eos");
    EXPECT_STREQ(to_string(StopReason::length), "length");
    EXPECT_STREQ(to_string(StopReason::context_full), "context_full");
    EXPECT_STREQ(to_string(StopReason::interrupted), "interrupted");
}

TEST(RunSummary, IsOneLineWhereAllIsAsPlanned) {
    RunReport report = small_run();
    report.devices[1].accounted = report.devices[1].planned;
    report.devices[1].refused = 0;
    EXPECT_EQ(run_summary(report),
              "host0 224 of 320 MiB, host1 244 of 320 MiB as planned; loaded in 412 ms; 24 tokens "
              "at 61.5 tokens/s");
    report.timing.decode_tokens_per_s = 0;
    report.generated_tokens = TokenCount(1);
    EXPECT_THAT(run_summary(report), EndsWith("; 1 token"));
    report.stop = StopReason::context_full;
    EXPECT_THAT(run_summary(report), HasSubstr("; the context is full"));
    report.devices.resize(5, report.devices[0]);
    EXPECT_THAT(run_summary(report), StartsWith("5 devices 1.11 of 1.56 GiB together as planned"));
    report.devices.resize(1);
    report.devices[0].budget = 1_GiB;
    EXPECT_THAT(run_summary(report), StartsWith("host0 224 MiB of 1.00 GiB as planned"));
}

TEST(PlanSummary, SaysWhichModelIsWhereAndHowLongAConversationMayBe) {
    Plan plan = small_host_plan();
    plan.model_name = "tiny\x1b[2J";
    plan.context = {.tokens = TokenCount(1024), .sequences = 2};
    EXPECT_EQ(plan_summary(plan),
              "tiny?[2J on host0 224 of 320 MiB, host1 244 of 320 MiB; a context of 512 tokens");
}

TEST(RunSummary, SaysWhateverIsNotAsPlanned) {
    RunReport report = small_run();
    report.after_unload[0].accounted = 12_B;
    const std::string text = run_summary(report);
    EXPECT_THAT(text, Not(HasSubstr("as planned")));
    EXPECT_THAT(text, HasSubstr("host1 holds 4096 bytes more than planned"));
    EXPECT_THAT(text, HasSubstr("host1 refused 2 allocations"));
    EXPECT_THAT(text, HasSubstr("host0 keeps 12 bytes after unloading"));
}

TEST(RunTable, SetsPlannedAccountedAndMeasuredBesideEachOther) {
    expect_golden("run_table_small_host.txt", run_table(small_run(), {}));
}

TEST(RunTable, StatesADifferenceToTheByte) {
    EXPECT_THAT(run_table(small_run(), {}), HasSubstr("+4096 B"));
}

TEST(RunTable, NamesRefusals) {
    RunReport report = small_run();
    EXPECT_THAT(run_table(report, {}), HasSubstr("\nrefused: 2 allocations on host1\n"));
    report.devices[1].refused = 0;
    EXPECT_THAT(run_table(report, {}), HasSubstr("\nno allocation was refused\n"));
}

TEST(RunTable, CountsOneTokenAsOne) {
    RunReport report = small_run();
    report.prompt_tokens = TokenCount(1);
    report.cache.counts.tokens_computed = 1;
    const std::string table = run_table(report, {});
    EXPECT_THAT(table, HasSubstr("prompt of 1 token at"));
    EXPECT_THAT(table, HasSubstr("1 token computed"));
}

TEST(RunTable, KeepsToTheColumnsOfTheTerminal) {
    for (const std::size_t columns : {40U, 60U, 80U, 200U}) {
        const std::string table = run_table(small_run(), {.columns = columns});
        for (std::size_t start = 0; start < table.size();) {
            const std::size_t end = table.find('\n', start);
            EXPECT_LE(text_columns(table.substr(start, end - start)), columns) << table;
            start = end + 1;
        }
        EXPECT_THAT(table, HasSubstr("+4096 B"));
    }
}

TEST(VerifyJson, HasTheDocumentedKeys) {
    const VerifyReport report{TokenCount(512), false, 2.5e-4, 1e-3};
    EXPECT_EQ(verify_json(report).dump(),
              R"({"schema":"hexcore.verify/1","tokens":512,"compared":"logits","identical":false,)"
              R"("max_relative_error":0.00025,"tolerance":0.001})");
}

TEST(VerifyText, TellsIdenticalFromCloseFromDifferent) {
    EXPECT_THAT(verify_text({TokenCount(9), true, 0, 0}, {}),
                HasSubstr("identical: all logits of 9"));
    EXPECT_THAT(verify_text({TokenCount(9), false, 1e-4, 1e-3}, {}),
                HasSubstr("within tolerance:"));
    EXPECT_THAT(verify_text({TokenCount(9), false, 1e-2, 1e-3}, {}), HasSubstr("different:"));
    EXPECT_THAT(verify_text({TokenCount(1), true, 0, 0}, {}),
                HasSubstr("all logits of 1 token are"));
    EXPECT_THAT(verify_text({TokenCount(2), true, 0, 0, "embeddings"}, {}),
                HasSubstr("identical: all embeddings of 2"));
}

}  // namespace
}  // namespace hexcore::test
