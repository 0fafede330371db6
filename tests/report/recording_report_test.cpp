#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "hexcore/report/json_text.hpp"
#include "hexcore/report/recording_json.hpp"
#include "hexcore/report/recording_tables.hpp"
#include "hexcore/report/watch_summary.hpp"
#include "support/golden.hpp"
#include "support/recordings.hpp"

namespace hexcore {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::HasSubstr;

/// A training that leaks on its card and is killed for its memory.
WatchFindings leaking_training() {
    WatchFindings findings;
    findings.run = test::some_run();
    findings.duration = minutes(41) + seconds(7);
    findings.end = RecordedEnd{.time = findings.duration,
                               .signalled = true,
                               .code = 9,
                               .killed_by = KilledBy::cgroup,
                               .cgroup = "/sys/fs/cgroup/jobs/train",
                               .cost = seconds(7),
                               .own_memory = 14_MiB,
                               .processes = 9,
                               .notes = "2 of its processes live on, and were no longer watched. "};
    DeviceFindings host;
    host.device = test::some_host();
    host.n_rows = 24'000;
    host.peak = 11_GiB + 200_MiB;
    host.peak_at = minutes(9) + seconds(41);
    host.parts = {{12, "python3 train.py", 9_GiB},
                  {13, "python3 loader.py", 1_GiB},
                  {14, "python3 loader.py", 900_MiB},
                  {15, "sh", 300_MiB}};
    host.others = 24_MiB;
    host.least_free = 3_GiB;
    host.least_free_at = minutes(40);
    host.growth = {.verdict = Verdict::inconclusive,
                   .bytes_per_s = 2e5,
                   .bytes_per_s_least = 1e5,
                   .bytes_per_s_most = 3e5,
                   .warm_up = minutes(10),
                   .why = "it rose by 350 MiB, but not all of the time, as a cache does"};
    DeviceFindings gpu;
    gpu.device = test::some_gpu();
    gpu.n_rows = 4'800;
    gpu.peak = 21_GiB;
    gpu.peak_at = minutes(41);
    gpu.parts = {{12, "python3 train.py", 20_GiB}};
    gpu.others = 1_GiB;
    gpu.peak_label = "step 311";
    gpu.holdings = {{HolderKind::pytorch, "allocated", 17_GiB},
                    {HolderKind::pytorch, "cache", 3_GiB}};
    gpu.least_free = 1_GiB;
    gpu.least_free_at = minutes(41);
    gpu.growth = {.verdict = Verdict::growing,
                  .bytes_per_s = 2.1 * (1 << 20),
                  .bytes_per_s_least = 2.0 * (1 << 20),
                  .bytes_per_s_most = 2.2 * (1 << 20),
                  .warm_up = minutes(10),
                  .why = {}};
    findings.devices = {host, gpu};
    findings.processes = {{1, {12, "python3 train.py", 9_GiB}, seconds(0), minutes(41)}};
    findings.holders = {{12, HolderKind::pytorch, "cuda:0", 24_GiB, 20_GiB, minutes(41), 19_GiB}};
    findings.labels = {{12, "step", 312, seconds(3), minutes(41)}};
    findings.marks = {{seconds(2), 12, "loaded"}};
    findings.counted_once = {{minutes(9) + seconds(30), 11_GiB, 4_GiB, 9}, 42};
    findings.lost_records = 3;
    findings.thinned = milliseconds(200);
    return findings;
}

TEST(WatchSummary, SaysWhatHappenedInAPage) {
    const std::string text = watch_summary(leaking_training(), {});
    test::expect_golden("watch_summary.txt", text);
    test::expect_golden("recording.json", json_text(recording_json(leaking_training())));
}

TEST(WatchSummary, SaysWhatIsMissing) {
    WatchFindings findings = leaking_training();
    findings.end.reset();
    findings.unreadable_bytes = 12;
    EXPECT_THAT(watch_summary(findings, {.columns = 400}),
                ::testing::AllOf(HasSubstr("how it ended is not recorded"),
                                 HasSubstr("12 bytes at the end")));
    EXPECT_TRUE(recording_json(findings)["exit"].is_null());
    findings.devices.clear();
    EXPECT_THAT(watch_summary(findings, {}), HasSubstr("over before the first sample"));
}

TEST(WatchSummary, LetsNoControlCharacterThrough) {
    WatchFindings findings = leaking_training();
    findings.run.command = {"\x1b[31mx", std::string(5000, 'a')};
    findings.devices[0].parts[0].command = "\x1b]0;title\x07";
    findings.end->notes = "\n\x1b[2J";
    const std::string text = watch_summary(findings, {});
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_LT(text.size(), 4000U);
}

std::string csv_of(const std::vector<RecordedRow>& rows) {
    std::string text;
    RecordingCsv csv([&](std::string_view piece) { text += piece; });
    csv.device(test::some_host());
    for (const RecordedRow& row : rows) {
        csv.row(row);
    }
    return text;
}

TEST(RecordingCsv, HasALineARow) {
    RecordedRow second = test::host_row(milliseconds(100), {});
    second.sampled = false;
    EXPECT_EQ(
        csv_of({test::host_row(milliseconds(0), {{test::some_process(1), 4_KiB}}, 1_KiB), second}),
        "time_ms,device,used_bytes,free_bytes,processes,sampled\n"
        "0.000,host,4096,1024,1,1\n"
        "100.000,host,0,,0,0\n");
}

TEST(RecordingTrace, TellsZeroOfAProcessThatIsGoneAndQuotesNames) {
    std::string text;
    RecordingTrace trace([&](std::string_view piece) { text += piece; });
    trace.run(test::some_run());
    trace.device(test::some_host());
    const auto odd = test::some_process(1, "a\"b\n</script>\xff");
    trace.row(test::host_row(milliseconds(0), {{odd, 4_KiB}}));
    trace.row(test::host_row(milliseconds(1), {}));
    trace.row(test::host_row(milliseconds(2), {}));
    trace.finish();
    const auto events = nlohmann::json::parse(text)["traceEvents"];
    ASSERT_EQ(events.size(), 4U);
    EXPECT_EQ(events[1]["args"].size(), 1U);
    EXPECT_EQ(events[1]["args"].begin().value(), 4096);
    EXPECT_EQ(events[2]["args"][events[1]["args"].begin().key()], 0);
    EXPECT_EQ(events[3]["args"]["others"], 0);
    EXPECT_EQ(events[3]["ts"], 2000);
}

TEST(RecordingTrace, HasLabelsAsSlicesAndHoldersAsCounters) {
    std::string text;
    RecordingTrace trace([&](std::string_view piece) { text += piece; });
    trace.run(test::some_run());
    const auto step = std::make_shared<RecordedText>(RecordedText{1, "step \"1\""});
    trace.label(
        {.time = milliseconds(1), .process = test::some_process(1), .thread = 7, .name = step});
    trace.mark({.time = milliseconds(2), .process = test::some_process(1), .name = step});
    trace.label({.time = milliseconds(3),
                 .edge = LabelEdge::end,
                 .process = {},
                 .thread = 7,
                 .name = step});
    const auto holder =
        std::make_shared<RecordedHolder>(RecordedHolder{.number = 1,
                                                        .process = test::some_process(1),
                                                        .kind = HolderKind::ledger,
                                                        .device = "host0",
                                                        .total = {}});
    trace.amounts({.time = milliseconds(4), .holder = holder, .amounts = {{step, 4_KiB}}});
    trace.finish();
    const auto events = nlohmann::json::parse(text)["traceEvents"];
    ASSERT_EQ(events.size(), 5U);
    EXPECT_EQ(events[1]["ph"], "B");
    EXPECT_EQ(events[1]["name"], "step \"1\"");
    EXPECT_EQ(events[2]["ph"], "i");
    EXPECT_EQ(events[3]["ph"], "E");
    EXPECT_EQ(events[3]["tid"], 7);
    EXPECT_EQ(events[4]["name"], "host0 ledger bytes (1001)");
    EXPECT_EQ(events[4]["args"]["step \"1\""], 4096);
}

}  // namespace
}  // namespace hexcore
