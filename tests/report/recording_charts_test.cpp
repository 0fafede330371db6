#include "hexcore/report/recording_charts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>

#include "hexcore/report/recording_page.hpp"
#include "hexcore/report/recording_svg.hpp"
#include "hexcore/watch/analysis.hpp"
#include "support/recordings.hpp"

namespace hexcore {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// What is said and drawn of these rows.
struct Drawn {
    WatchFindings findings;
    RecordingDrawing drawing;
};

Drawn draw(const std::vector<RecordedRow>& rows, std::size_t rows_max = 4000) {
    const auto tell = [&](RecordSink& sink) {
        sink.run(test::some_run());
        sink.device(test::some_host());
        sink.device(test::some_gpu());
        std::for_each(rows.begin(), rows.end(), [&](const auto& row) { sink.row(row); });
    };
    Analysis analysis;
    tell(analysis);
    Drawn drawn{analysis.findings(), {}};
    RecordingCharts charts(drawn.findings, rows_max);
    tell(charts);
    drawn.drawing = charts.finish();
    return drawn;
}

const DeviceChart& host_of(const Drawn& drawn) { return drawn.drawing.charts.back(); }

std::vector<std::string> names_of(const DeviceChart& chart) {
    std::vector<std::string> names;
    for (const ChartSeries& series : chart.views.front().series) {
        names.push_back(series.name);
    }
    return names;
}

/// Row by row, in bytes.
std::vector<std::uint64_t> totals_of(const DeviceChart& chart) {
    std::vector<std::uint64_t> totals(chart.times.size());
    for (const ChartSeries& series : chart.views.front().series) {
        for (std::size_t r = 0; r < totals.size(); ++r) {
            totals[r] += series.units.at(r) * chart.device.unit.count();
        }
    }
    return totals;
}

TEST(RecordingCharts, SeriesAddUpToWhatWasInUse) {
    RecordedRow first = test::host_row(milliseconds(0), {{test::some_process(1, "a"), 8_KiB},
                                                         {test::some_process(2, "b"), 4_KiB}});
    first.others = 12_KiB;
    const Drawn drawn =
        draw({first, test::host_row(milliseconds(100), {{test::some_process(2, "b"), 64_KiB}})});
    const DeviceChart& chart = host_of(drawn);
    EXPECT_THAT(names_of(chart), ElementsAre("b (1002)", "a (1001)", "all others"));
    EXPECT_THAT(totals_of(chart), ElementsAre((24_KiB).count(), (64_KiB).count()));
    EXPECT_EQ(chart.peak, 64_KiB);
    EXPECT_EQ(chart.peak_row, 1U);
}

TEST(RecordingCharts, ThinsToTheRowsWithTheLargestTotals) {
    std::vector<RecordedRow> rows;
    for (unsigned n = 0; n < 1000; ++n) {
        const Bytes bytes = 4_KiB * (n == 777 ? 5000U : n % 10);
        rows.push_back(test::host_row(milliseconds(10 * n), {{test::some_process(1), bytes}}));
    }
    const Drawn drawn = draw(rows, 100);
    const DeviceChart& chart = host_of(drawn);
    EXPECT_LE(chart.times.size(), 100U);
    EXPECT_GE(chart.times.size(), 99U);
    EXPECT_EQ(chart.peak, 4_KiB * 5000);
    EXPECT_EQ(chart.times[chart.peak_row], milliseconds(7770));
    EXPECT_EQ(chart.peak, drawn.findings.devices.front().peak);
    const auto totals = totals_of(chart);
    EXPECT_GE(*std::min_element(totals.begin(), totals.end()), (4_KiB * 9).count());
}

TEST(RecordingCharts, PutsCommandsThenProgramsTogetherWhereProcessesAreMany) {
    std::vector<RecordedRow> rows;
    for (unsigned n = 0; n < 20; ++n) {
        rows.push_back(
            test::host_row(milliseconds(100 * n), {{test::some_process(1, "make"), 4_KiB},
                                                   {test::some_process(2 + n, "/bin/cc"), 8_KiB}}));
    }
    EXPECT_THAT(names_of(host_of(draw(rows))), ElementsAre("/bin/cc", "make"));
    for (unsigned n = 0; n < 20; ++n) {
        rows[n].parts[1].process = test::some_process(2 + n, "/bin/cc -o " + std::to_string(n));
    }
    EXPECT_THAT(names_of(host_of(draw(rows))), ElementsAre("cc", "make"));
}

TEST(RecordingCharts, HasAtMostEightSeriesAndTheRest) {
    std::vector<RecordedPart> parts;
    for (unsigned n = 1; n <= 100; ++n) {
        parts.push_back({test::some_process(n, "program" + std::to_string(n)), 4_KiB * n});
    }
    const Drawn drawn = draw({test::host_row(milliseconds(0), parts)});
    const DeviceChart& chart = host_of(drawn);
    ASSERT_EQ(chart.views.front().series.size(), 9U);
    EXPECT_EQ(chart.views.front().series.front().name, "program100");
    EXPECT_EQ(chart.views.front().series.back().name, all_others);
    EXPECT_THAT(totals_of(chart), ElementsAre((4_KiB * 5050).count()));
    Bytes sum;
    for (const PeakPart& part : chart.peak_parts) {
        sum += part.bytes;
    }
    EXPECT_EQ(sum, chart.peak);
}

RecordedRow gpu_row(milliseconds time, const std::vector<RecordedPart>& parts, Bytes others) {
    RecordedRow row = test::host_row(time, parts);
    row.device = test::some_gpu().number;
    row.others = others;
    return row;
}

TEST(RecordingCharts, ShowsWhatOtherProgramsHaveOfACardByItself) {
    const ProcessRef training = test::some_process(1, "a");
    const Drawn drawn = draw({gpu_row(milliseconds(0), {}, 12_KiB),
                              gpu_row(milliseconds(1), {{training, 8_KiB}}, 12_KiB)});
    const DeviceChart& chart = drawn.drawing.charts.front();
    EXPECT_THAT(names_of(chart), ElementsAre("a (1001)", std::string(other_programs)));
    EXPECT_THAT(totals_of(chart), ElementsAre((12_KiB).count(), (20_KiB).count()));
    ASSERT_EQ(chart.peak_parts.size(), 2U);
    EXPECT_EQ(chart.peak_parts.back().name, other_programs);
    EXPECT_EQ(chart.peak_parts.back().bytes, 12_KiB);
}

TEST(RecordingCharts, CallsNobodyAnotherProgramWhereTheDriverDoesNotTell) {
    const Drawn drawn = draw({gpu_row(milliseconds(0), {}, 12_KiB)});
    EXPECT_THAT(names_of(drawn.drawing.charts.front()), ElementsAre("all others"));
}

TEST(RecordingCharts, HasGpusFirstAndNothingThatWasNotUsed) {
    const auto both = draw({test::host_row(milliseconds(0), {{test::some_process(1), 4_KiB}}),
                            gpu_row(milliseconds(0), {}, 4_KiB)});
    ASSERT_EQ(both.drawing.charts.size(), 2U);
    EXPECT_EQ(both.drawing.charts.front().device.name, "cuda:0");
    const Drawn drawn = draw({});
    EXPECT_TRUE(drawn.drawing.charts.empty());
    EXPECT_THAT(recording_page(drawn.findings, drawn.drawing), HasSubstr("\"charts\":[]"));
    EXPECT_THAT(recording_svg(drawn.findings, drawn.drawing), HasSubstr("before the first sample"));
}

TEST(RecordingPage, KeepsNamesWithinItsData) {
    const std::string odd = "</script><b>&\x01\xff";
    Drawn drawn = draw({test::host_row(milliseconds(0), {{test::some_process(1, odd), 4_KiB}})});
    drawn.findings.run.command = std::vector<std::string>(1000, odd);
    const std::string page = recording_page(drawn.findings, drawn.drawing);
    EXPECT_THAT(page, Not(HasSubstr("</script><b>")));
    EXPECT_EQ(page.find('\x01'), std::string::npos);
    const std::string begin = "id=\"data\">";
    const std::size_t from = page.find(begin) + begin.size();
    const auto data = nlohmann::json::parse(page.substr(from, page.find("</script>", from) - from));
    EXPECT_EQ(data["charts"][0]["views"][0]["series"][0]["name"], "</script><b>&?? (1001)");
    EXPECT_EQ(data["recording"]["command"].size(), 65U);
}

TEST(RecordingSvg, IsWellFormedAndNamesEachPart) {
    const std::string odd = "<&'\">\x1b[2J";
    const Drawn drawn = draw(
        {test::host_row(milliseconds(0), {{test::some_process(1, odd), 64_MiB}}),
         test::host_row(milliseconds(500), {{test::some_process(2, "python3"), 640_MiB}}, 1_GiB)});
    const std::string svg = recording_svg(drawn.findings, drawn.drawing);
    pugi::xml_document document;
    ASSERT_TRUE(document.load_string(svg.c_str()));
    EXPECT_EQ(svg.find('\x1b'), std::string::npos);
    EXPECT_EQ(document.select_nodes("//path[title]").size(), 2U);
    EXPECT_TRUE(document.select_node("//circle[title='peak 640 MiB']"));
    EXPECT_THAT(svg, HasSubstr("peak 640 MiB of 16.00 GiB at 0.50 s"));
    EXPECT_THAT(svg, HasSubstr("Closest call: 1.00 GiB free on host"));
}

}  // namespace
}  // namespace hexcore
